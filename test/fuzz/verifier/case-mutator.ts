import type { Random } from "../random.ts";

/** What one instruction is often changed to. */
const NUMBERS = [0, 1, -1, 2, 4, 7, 8, 15, 16, 31, 32, 63, 64, 255, 4096, 0x7fffffff, -0x80000000] as const;

/** A case file of one case with a few small changes of its code: most of them still assemble. */
export function mutatedCase(random: Random, text: string): string {
  const lines = text.split("\n");
  const code = lines.indexOf("code:");
  if (code < 0) return text;
  for (let changes = 1 + random.small(4); changes > 0; changes--) {
    const at = code + 1 + random.below(lines.length - code - 1);
    const line = lines[at];
    if (line === undefined || !/^\s+\S/.test(line)) continue;
    const changed = changedLine(random, line, lines[code + 1 + random.below(lines.length - code - 1)] ?? "");
    lines.splice(at, 1, ...changed);
  }
  return lines.join("\n");
}

function changedLine(random: Random, line: string, other: string): string[] {
  switch (random.below(6)) {
    case 0:
      return [];
    case 1:
      return [line.replace(/\b([rw])\d\b/, (_, letter) => `${letter}${random.below(10)}`)];
    case 2:
      return [line.replace(/-?\b\d+$/, () => String(random.pick(NUMBERS)))];
    case 3:
      return [
        line.replace(/([+-]) ?(\d+)\)/, (_, sign, off) => `${sign} ${Number(off) + random.pick([1, 4, 8])})`),
      ];
    case 4:
      return /^\s+\S/.test(other) ? [line, other] : [line];
    default:
      return [line.replace(/ (s?[<>]=?|[!=]=|&=|[+-]=|<<=|s?>>=|\*=) /, () => ` ${random.pick(OPERATORS)} `)];
  }
}

const OPERATORS = [
  "<",
  "<=",
  ">",
  ">=",
  "s<",
  "s<=",
  "s>",
  "s>=",
  "==",
  "!=",
  "+=",
  "-=",
  "&=",
  "*=",
] as const;
