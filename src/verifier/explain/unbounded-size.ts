import { prototypeArgument } from "./argument-fixes.ts";
import { type Cause, callName } from "./cause.ts";
import { declarationOf } from "./declared.ts";
import type { ValueLink } from "./history.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { argumentsIn } from "./source-text.ts";
import { rangeOf } from "./value-range.ts";

/** What the program's lines show of a size that is passed to a call. */
interface PassedSize {
  readonly name: string;
  /** What it is set to where it is declared: `"end - data"`; null where no line shows that. */
  readonly given: string | null;
  /** `"sizeof(buf)"` */
  readonly limit: string;
  /** The mask for it; null where the memory's size is known to be too small for one. */
  readonly mask: string | null;
  /** 0 is not taken. */
  readonly positive: boolean;
}

/**
 * How to bound a size. Compilers test a signed size, and the maximum that it is set to, in registers of 32 bits, or in
 * copies; the forms here are those that clang compiles to tests of the number that is passed, with -mcpu=v1, v2 and v3.
 */
export function unboundedSizeFixes(
  refusal: Refusal,
  register: number,
  cause: Cause | null,
): Finding["fixes"] {
  const size = passedSize(refusal, register, cause);
  const { name, given, limit, mask, positive } = size;
  const links = refusal.history.origin(register, refusal.last?.position ?? 0);
  const masked = maskFix(name, mask, positive);
  const result = resultOf(links);
  if (result !== null) return [negativeFix(refusal, size, result), ...masked];
  const wide = positive || cause?.copy === true || isDifference(refusal, links, given);
  const test = `${positive ? `${name} == 0 || ` : ""}${name} > ${limit}`;
  const declared = `${wide ? "__u64" : "__u32"} ${name}${given === null ? "" : ` = ${given}`};`;
  return [
    fix(
      `Declare it without a sign${wide ? ", and with 64 bits" : ""}, and leave where it is too large${positive ? ", or 0" : ""}: with less, the compiler may test a copy, or set another register to the maximum.`,
      `${declared}\nif (${test})\n\treturn 0;`,
    ),
    ...masked,
  ];
}

function passedSize(refusal: Refusal, register: number, cause: Cause | null): PassedSize {
  const { last } = refusal;
  const line = last?.step.source?.text ?? "";
  const given = argumentsIn(line, callName(last?.effect.call ?? ""));
  const [memory, size] = [given?.[register - 2] ?? "", given?.[register - 1] ?? ""];
  const name = /^[A-Za-z_]\w*$/.test(size) ? size : refusal.variable(cause?.at, "len");
  const buffer = /^(?:&?[A-Za-z_]\w*)(?:(?:->|\.)\w+)*$/.test(memory) ? memory.replace(/^&/, "") : "buf";
  const pointer = /^\w+$/.test(memory) && !/^fp/.test(refusal.known(register - 1) ?? "");
  const bytes = declarationOf(refusal, buffer)?.bytes;
  const limit = `sizeof(${pointer ? "*" : ""}${buffer})`;
  return {
    name,
    given: declaredAs(refusal, name),
    limit,
    mask: maskOf(limit, pointer ? undefined : bytes),
    positive: prototypeArgument(refusal, register)?.type === "ARG_CONST_SIZE",
  };
}

/** `sizeof(buf) - 1` where that is one less than a power of two, or where the size is not known; else a number that is. */
function maskOf(limit: string, bytes: number | undefined): string | null {
  if (bytes === undefined || (bytes & (bytes - 1)) === 0) return bytes === 1 ? null : `${limit} - 1`;
  return `${2 ** Math.floor(Math.log2(bytes)) - 1}`;
}

function maskFix(name: string, mask: string | null, positive: boolean): Finding["fixes"] {
  if (mask === null) return [];
  return [
    fix(
      "Or mask it right before the call, with a power of two minus one that fits: that holds for every type of variable.",
      `${name} &= ${mask};${positive ? `\nif (${name} == 0)\n\treturn 0;` : ""}`,
    ),
  ];
}

/** What a line sets the variable to where it declares it. */
function declaredAs({ log }: Refusal, name: string): string | null {
  const pattern = new RegExp(
    String.raw`(?:^|[;{(]\s*)(?:[A-Za-z_]\w*\s+)+${name}\s*=(?!=)\s*([^;,]*(?:\([^;]*\))?[^;,]*);`,
  );
  for (const { source } of log.steps) {
    const found = pattern.exec(source?.text ?? "")?.[1];
    if (found !== undefined) return found.trim();
  }
  return null;
}

/** The call of a helper whose result the size is, where that may be an error; else null. */
function resultOf(links: readonly ValueLink[]): ValueLink | null {
  const oldest = links.at(-1);
  const call = oldest?.at.effect.call ?? null;
  if (oldest === undefined || call === null || call.startsWith("pc") || oldest.place !== "R0") return null;
  return oldest.known === null || rangeOf(oldest.known).smin < 0n ? oldest : null;
}

function negativeFix(
  refusal: Refusal,
  { name, given, limit }: PassedSize,
  { at, known }: ValueLink,
): Finding["fixes"][number] {
  const type = declarationOf(refusal, name)?.type ?? "";
  const narrow = /^(?:__|u?)?(?:int|s32|u32|unsigned(?: int)?|signed(?: int)?)$/.test(
    type.replace(/(?:32)_t$/, "32"),
  );
  const long = narrow ? `long ${name}${given === null ? "" : ` = ${given}`};\n` : "";
  // Kernels know of some results how large they are at most; of others nothing.
  const known31 = known !== null && rangeOf(known).smax < 1n << 29n;
  const upper = known31 ? "" : `\nif (${name} > ${limit})\n\treturn 0;`;
  return fix(
    `${callName(at.effect.call ?? "")} gives a negative number where it fails: leave then, before it is used as a size${narrow ? "; and keep it in a long, for an int is tested as a copy" : ""}.`,
    `${long}if (${name} < 0)\n\treturn 0;${upper}`,
  );
}

/** The distance of two pointers: as a number of 32 bits it is tested in a copy. */
function isDifference({ history }: Refusal, links: readonly ValueLink[], given: string | null): boolean {
  const subtracted = links.some(
    ({ at }) =>
      at.effect.operator === "-=" &&
      at.effect.reads.length > 1 &&
      at.effect.reads.some((each) =>
        /^(?:pkt|map_value|mem|fp)/.test(history.known(each, at.position) ?? ""),
      ),
  );
  return subtracted || /^\w+ - \w+$/.test(given ?? "");
}
