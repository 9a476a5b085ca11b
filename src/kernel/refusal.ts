/** Why a system call is refused: thrown inside the kernel, caught by the dispatcher, never seen outside. */
export class Refusal {
  /** Positive. */
  readonly errno: number;

  constructor(errno: number) {
    this.errno = errno;
  }
}

/** Ends the system call with an errno. */
export function refuse(errno: number): never {
  throw new Refusal(errno);
}

/** Passes a result on, refusing where it is a negative errno. */
export function checked(result: number): number {
  if (result < 0) refuse(-result);
  return result;
}

/** What a system call gives: a result, or a negative errno where it is refused. */
export function refusing<T>(act: () => T): T | number {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) return -error.errno;
    throw error;
  }
}
