/** The verifier's "no", on its way out: what it says has gone to the log before. */
export class Rejection extends Error {
  override name = "Rejection";
  /** A value of `Errno`, positive. */
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}
