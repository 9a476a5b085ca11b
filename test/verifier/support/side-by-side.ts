/** Two texts in two columns, with a mark between them where lines differ (`|`) or stand on one side alone (`<`, `>`). */
export function sideBySide(left: string, right: string, width: number): string {
  const [a, b] = [left.split("\n"), right.split("\n")];
  const column = Math.max(20, Math.floor((width - 3) / 2));
  const cell = (text: string) =>
    text.length > column ? `${text.slice(0, column - 1)}…` : text.padEnd(column);
  return aligned(a, b)
    .map(([i, j]) => {
      const mark = i === null ? ">" : j === null ? "<" : a[i] === b[j] ? " " : "|";
      return `${cell(i === null ? "" : a[i]!)} ${mark} ${j === null ? "" : b[j]!}`.trimEnd();
    })
    .join("\n");
}

type Pair = readonly [number | null, number | null];

/** Lines that are compared with each other beyond common beginnings and ends; longer middles stay line by line. */
const LONGEST = 3000;

function aligned(a: readonly string[], b: readonly string[]): Pair[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const pairs: Pair[] = Array.from({ length: start }, (_, i): Pair => [i, i]);
  pairs.push(...middle(a, b, start, a.length - end, b.length - end));
  for (let i = end; i > 0; i--) pairs.push([a.length - i, b.length - i]);
  return pairs;
}

function middle(
  a: readonly string[],
  b: readonly string[],
  start: number,
  aEnd: number,
  bEnd: number,
): Pair[] {
  const [rows, columns] = [aEnd - start, bEnd - start];
  if (rows * columns > LONGEST * LONGEST) {
    return Array.from(
      { length: Math.max(rows, columns) },
      (_, i): Pair => [i < rows ? start + i : null, i < columns ? start + i : null],
    );
  }
  // Lengths of the longest common sequences of what follows.
  const table = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      table[i]![j] =
        a[start + i] === b[start + j]
          ? table[i + 1]![j + 1]! + 1
          : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
    }
  }
  const pairs: Pair[] = [];
  let [i, j] = [0, 0];
  let alone: { left: number[]; right: number[] } = { left: [], right: [] };
  const flush = () => {
    const { left, right } = alone;
    for (let k = 0; k < Math.max(left.length, right.length); k++)
      pairs.push([left[k] ?? null, right[k] ?? null]);
    alone = { left: [], right: [] };
  };
  while (i < rows || j < columns) {
    if (i < rows && j < columns && a[start + i] === b[start + j]) {
      flush();
      pairs.push([start + i++, start + j++]);
    } else if (j >= columns || (i < rows && table[i + 1]![j]! >= table[i]![j + 1]!))
      alone.left.push(start + i++);
    else alone.right.push(start + j++);
  }
  flush();
  return pairs;
}
