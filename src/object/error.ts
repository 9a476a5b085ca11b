import { messageOf, TsbpfError } from "../base/index.ts";

/** Where in an object something is wrong. */
export interface ObjectPlace {
  readonly section?: string | undefined;
  readonly symbol?: string | undefined;
  /** In the section, in bytes. */
  readonly offset?: number | undefined;
}

/** An object file that cannot be opened, linked or written: which part of it, and why. */
export class ObjectError extends TsbpfError {
  override name = "ObjectError";
  /** As the caller named it: `"flow.bpf.o"`. */
  readonly object: string;
  readonly section: string | undefined;
  readonly symbol: string | undefined;
  readonly offset: number | undefined;
  readonly problem: string;

  constructor(object: string, place: ObjectPlace, problem: string, options?: ErrorOptions) {
    const path = [`object ${object}`];
    if (place.section !== undefined) path.push(`section ${place.section}`);
    if (place.symbol !== undefined) path.push(`symbol ${place.symbol}`);
    if (place.offset !== undefined) path.push(`offset ${place.offset}`);
    super(`${path.join(": ")}: ${problem}`, options);
    this.object = object;
    this.section = place.section;
    this.symbol = place.symbol;
    this.offset = place.offset;
    this.problem = problem;
  }
}

/** Runs `read`; what the rooms below throw about the bytes becomes an error about the object. */
export function inObject<T>(object: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TsbpfError) || error instanceof ObjectError) throw error;
    throw new ObjectError(object, {}, messageOf(error), { cause: error });
  }
}
