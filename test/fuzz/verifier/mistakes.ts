import type { Random } from "../random.ts";

/** The code, three times of four with a few small changes, most of which are mistakes. */
export function mutated(random: Random, code: readonly string[]): readonly string[] {
  if (random.oneIn(4)) return code;
  let changed = code;
  for (let count = 1 + random.below(4); count > 0; count--) changed = withMistake(random, changed);
  return changed;
}

function withMistake(random: Random, code: readonly string[]): string[] {
  const lines = [...code];
  const at = random.below(lines.length);
  const line = lines[at]!;
  switch (random.below(4)) {
    case 0:
      if (!line.endsWith(":") && !line.includes("exit")) lines.splice(at, 1);
      break;
    case 1:
      // Some instructions name a register twice.
      if (!/= (be|le|bswap|-|[a-z]*atomic)/.test(line)) {
        lines[at] = line.replace(/\b([rw])(\d)\b/, (_, letter) => `${letter}${random.below(10)}`);
      }
      break;
    case 2:
      lines[at] = line.replace(/ (\d+)$/, (_, number) => ` ${Number(number) + random.pick([1, -1, 8])}`);
      break;
    default:
      lines[at] = line.replace(/\+ (\d+)\)/, (_, number) => `+ ${Number(number) + random.pick([1, 4, 8])})`);
  }
  return lines;
}
