import type { Cause } from "./cause.ts";
import type { ValueLink } from "./history.ts";

/** A number from which the offset into memory was made: `offset = scale * number + plus`. */
export interface ScaledNumber {
  readonly scale: number;
  readonly plus: number;
  /** The instruction that gave the number; undefined where a comparison is to be corrected that stands before any. */
  readonly link: ValueLink | undefined;
  /** The compiler has made one operation of several of the program's: the number itself is in no register. */
  readonly merged: boolean;
}

/** The least and the most that a number may be. */
export interface NumberLimits {
  readonly least: number;
  readonly most: number;
}

/** More than any index is scaled by: such a number is no index. */
const LARGEST_SCALE = 2 ** 32;

/**
 * The number behind an offset: back over shifts, multiplications and additions of constants, to where it was made, or to
 * the comparison that is to be corrected. `isWritten` says whether the program's lines have a mask as the instruction has it,
 * `isNamed` whether a line gives the program's variable that the access uses: the number is that, whatever it was made of.
 */
export function numberBehind(
  links: readonly ValueLink[],
  cause: Cause | null,
  isWritten: (mask: bigint) => boolean,
  isNamed: (link: ValueLink) => boolean = () => false,
): ScaledNumber | null {
  const end = cause?.at.effect.operation === "branch" && cause.copy !== true ? cause.at.position : -1;
  let [scale, plus] = [1, 0];
  let merged = false;
  let at = 0;
  for (; at < links.length; at++) {
    const link = links[at]!;
    if (link.at.position < end || (link.kind === "changed" && isNamed(link))) break;
    if (/^(?:copied|argument|returned)$/.test(link.kind)) continue;
    const { operator, constant } = link.at.effect;
    if (link.kind !== "changed" || constant === null) break;
    const older = links[at + 1];
    if (
      /^s?>>=$/.test(operator) &&
      older?.at.effect.operator === "<<=" &&
      older.at.effect.constant !== null
    ) {
      // Shifts to the left and back cut a number to fewer bits; what is left of the first one scales it.
      const left = Number(older.at.effect.constant - constant);
      if (left < 0 || older.at.position < end) break;
      scale *= 2 ** left;
      at++;
    } else if (operator === "<<=") scale *= 2 ** Number(constant);
    else if (operator === "*=" && constant > 0n) scale *= Number(constant);
    else if (/^[+-]=$/.test(operator)) plus += Number(operator === "+=" ? constant : -constant) * scale;
    else {
      // A mask of a number that the compiler scales by another distance of its shift: `(x >> 5 & 63) << 3` is `x >> 2 & 504`.
      merged = operator === "&=" && !isWritten(constant) && (constant & 1n) === 0n;
      if (merged) scale *= Number(constant & -constant);
      break;
    }
  }
  return scale >= 1 && scale < LARGEST_SCALE ? { scale, plus, link: links[at], merged } : null;
}

/** Its limits, for offsets from `-before` to `bytes`. */
export function limitsOf({ scale, plus }: ScaledNumber, before: number, bytes: number): NumberLimits {
  return {
    least: Math.max(0, Math.ceil((-before - plus) / scale)),
    most: Math.floor((bytes - plus) / scale),
  };
}
