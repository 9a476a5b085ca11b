import type { MapArgument } from "./map-argument.ts";
import { typeOf } from "./map-argument-size.ts";
import { bytesText } from "./number-text.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** Bytes of the stack that are read, and how many of them were written: from the first on. */
export interface ReadStack {
  /** From r10. */
  readonly start: number;
  readonly size: number;
  readonly written: number;
}

/** How to write what is read of the stack; null where the log does not say what that is. */
export function unwrittenFixes(
  refusal: Refusal,
  argument: MapArgument | null,
  read: ReadStack | null,
): Finding["fixes"] {
  const name = argument?.variable ?? "key";
  const type = argument === null || read === null ? "struct key" : typeOf(argument, read.size);
  return [
    ...(argument !== null && read !== null && isOneStore(refusal, read)
      ? [
          fix(
            `Where ${argument.variable ?? "the variable"} is a number of ${bytesText(read.written)}: declare it with the type of the map's ${argument.what}s, of ${bytesText(read.size)}.`,
            `${type} ${name} = …;`,
          ),
        ]
      : []),
    fix(
      "Initialise the whole variable, padding between and after its members included.",
      `${/^__u/.test(type) ? "struct key" : type} ${name} = {};`,
    ),
    fix(
      "Where a union, or padding, keeps `= {}` from clearing all of it, clear it by hand.",
      `__builtin_memset(&${name}, 0, sizeof(${name}));`,
    ),
  ];
}

/** All that was written of the bytes is one number at their start: the variable may be no larger than that. */
function isOneStore({ history, last }: Refusal, { start, size, written }: ReadStack): boolean {
  if (![1, 2, 4, 8].includes(written) || last === undefined) return false;
  const inside = history.path.flatMap(({ stack, effect, frame }) =>
    stack !== null &&
    effect.memory?.store === true &&
    frame === last.frame &&
    stack.offset >= start &&
    stack.offset < start + size
      ? [stack]
      : [],
  );
  return inside.length > 0 && inside.every((each) => each.offset === start && each.size === written);
}
