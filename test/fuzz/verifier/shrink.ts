import type { Generated } from "./generate.ts";

/**
 * A smaller program that still does what `interesting` asks: lines are taken out in ever smaller pieces, then numbers
 * made smaller, until nothing helps or the time is up.
 */
export async function shrink(
  program: Generated,
  interesting: (candidate: Generated) => Promise<boolean>,
  until: number,
): Promise<Generated> {
  let best = program;
  const attempt = async (code: readonly string[]): Promise<boolean> => {
    const candidate = { ...best, code };
    if (!(await interesting(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let size = Math.ceil(best.code.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = best.code.length - size; at >= 0; at -= size) {
      if (performance.now() > until) return best;
      const start = Math.max(0, at);
      await attempt([...best.code.slice(0, start), ...best.code.slice(start + size)]);
    }
  }
  // Labels that nothing names any more mean nothing.
  await attempt(best.code.filter((line) => !line.endsWith(":") || isNamed(line.slice(0, -1), best.code)));
  for (let at = 0; at < best.code.length; at++) {
    for (const smaller of smallerLines(best.code[at]!)) {
      if (performance.now() > until) return best;
      if (await attempt(best.code.with(at, smaller))) break;
    }
  }
  return best;
}

function isNamed(label: string, code: readonly string[]): boolean {
  return code.some((line) => line.endsWith(` ${label}`) || line.includes(`[${label}]`));
}

function smallerLines(line: string): string[] {
  const found: string[] = [];
  if (/= \S+ ll$/.test(line)) found.push(line.replace(/= \S+ ll$/, "= 1"));
  const match = /^(.*[^\w])(-?\d+)( goto \w+)?$/.exec(line);
  if (match !== null && Math.abs(Number(match[2])) > 1) found.push(`${match[1]}1${match[3] ?? ""}`);
  if (match !== null && match[2] !== "0") found.push(`${match[1]}0${match[3] ?? ""}`);
  return found;
}
