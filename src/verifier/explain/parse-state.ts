/** `R1`, `R1_w`, `fp-8`, `fp-8_r`, `refs`: a name in front of `=`. */
const NAME = /^(R\d+|fp-?\d+|refs)(?:_[rwD]+)?=/;

const LONGEST_NAME = 24;

/**
 * A state as a log has it: `R1=ctx() R2_w=scalar(umax=255) fp-8=mmmmmmmm refs=2`, what is known by register or slot.
 * Texts of kernels from 4.14 on: `inv`, `invP5` and `R1=inv(id=0)` mean numbers.
 */
export function parseState(text: string): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    if (text[at] === " ") {
      at++;
      continue;
    }
    const name = NAME.exec(text.slice(at, at + LONGEST_NAME));
    const end = endOfWord(text, at);
    if (name !== null) known.set(name[1]!, text.slice(at + name[0].length, end));
    at = end;
  }
  return known.get("R10") === "fp" ? modern(known) : known;
}

/**
 * Kernels before 4.14 know numbers by `imm5` and `inv56`: a constant, and a number whose upper 56 bits are 0.
 */
function modern(known: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const result = new Map<string, string>();
  for (const [name, value] of known) {
    const constant = /^imm(-?\d+)/.exec(value);
    const unknown = /^inv(\d*)(?:,(.*))?$/.exec(value);
    if (constant !== null) result.set(name, constant[1]!);
    else if (unknown !== null) result.set(name, numberOf(Number(unknown[1] ?? 0), unknown[2]));
    else result.set(name, name === "R10" ? "fp0" : value);
  }
  return result;
}

function numberOf(zeros: number, limits: string | undefined): string {
  const words = limits === undefined ? [] : limits.split(",");
  if (zeros > 0 && zeros <= 64) words.push(`umax=${(1n << BigInt(64 - zeros)) - 1n}`);
  return `scalar(${words.join(",")})`;
}

/** Blanks inside of brackets belong to the word. */
function endOfWord(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const letter = text[at];
    if (letter === "(") depth++;
    else if (letter === ")") depth--;
    else if (letter === " " && depth <= 0) return at;
  }
  return text.length;
}
