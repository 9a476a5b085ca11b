/** Where the text of an instruction begins in a line: `12: (85) `. */
const INSTRUCTION = /(?<![\w.])\d+: \([0-9a-f]{2}\) /;
/** A line with a whole log in it, its line breaks escaped: they stand in front of an instruction or a state. */
const ESCAPED = /\\n(?:\\t| )*\d+: (?:\([0-9a-f]{2}\) |R\d)/;
const LITERAL = /"((?:[^"\\]|\\.)*)"/g;

/** Lines of instructions that are looked at to find out what stands in front of each. */
const SAMPLE = 200;

/**
 * A log as the kernel wrote it: without what journals, containers and loggers put in front of each line (times, hosts,
 * levels, names of programs), and with line breaks where a logger escaped them. Other texts come out as they are.
 */
export function withoutPrefixes(text: string): string {
  const lines = unescaped(text).split(/\r?\n/);
  const shape = commonShape(lines);
  return shape === null ? lines.join("\n") : lines.map((line) => stripped(line, shape)).join("\n");
}

/** Journals and structured loggers write whole logs into one line. */
function unescaped(text: string): string {
  if (!text.includes("\\n")) return text;
  return text
    .split("\n")
    .map((line) => (ESCAPED.test(line) ? opened(line) : line))
    .join("\n");
}

function opened(line: string): string {
  for (const match of line.matchAll(LITERAL)) {
    const [whole, content] = match;
    // A blank line ends the verifier's words: what stands behind is the logger's.
    const rest = line.slice(match.index + whole.length);
    if (ESCAPED.test(content!)) return `${line.slice(0, match.index)}\n${plain(content!)}\n\n${rest}`;
  }
  return plain(line);
}

function plain(escaped: string): string {
  return escaped.replaceAll(/\\(.)/g, (_all, letter: string) =>
    letter === "n" ? "\n" : letter === "t" ? "\t" : letter === "r" ? "" : letter,
  );
}

/** What stands in front of most instructions, numbers and blanks left open. */
interface Shape {
  readonly pattern: RegExp;
  /** Blanks at its end: a line that is empty otherwise may lack them. */
  readonly blanks: number;
  /** The line is a string in quotes: what is behind the closing one belongs to the logger. */
  readonly quoted: boolean;
}

/** Of an accepted program there may be nothing else. */
const STATISTICS = /(?<![\w.])(?:verification time \d+ usec|stack depth \d|processed \d+ insns \(limit)/;

function commonShape(lines: readonly string[]): Shape | null {
  return shapeBefore(lines, INSTRUCTION) ?? shapeBefore(lines, STATISTICS);
}

/** What stands in front of most lines that such a text is in. */
function shapeBefore(lines: readonly string[], text: RegExp): Shape | null {
  const counts = new Map<string, { times: number; readonly prefix: string }>();
  let seen = 0;
  for (const line of lines) {
    const at = text.exec(line)?.index;
    // The verifier's own notes name instructions, too: `regs=r2 stack= before 4: (b7) r3 = 0` (`mark_chain_precision`).
    if (at === undefined || line.slice(0, at).endsWith(" before ")) continue;
    const prefix = line.slice(0, at);
    const source = sourceOf(prefix.trimEnd());
    const found = counts.get(source);
    if (found === undefined) counts.set(source, { times: 1, prefix });
    else found.times++;
    if (++seen === SAMPLE) break;
  }
  for (const [source, { times, prefix }] of counts) {
    // Indentation, and signs of quotation, are taken off where lines are read.
    if (times * 2 <= seen || /^[ \t>|]*$/.test(prefix)) continue;
    const pattern = new RegExp(`^${source}`);
    // One line alone may be a sentence about an instruction.
    if (lines.filter((line) => pattern.test(line)).length < 2) continue;
    return { pattern, blanks: prefix.endsWith(" ") ? 1 : 0, quoted: prefix.trimEnd().endsWith('"') };
  }
  return null;
}

/** A pattern for a prefix: times and numbers of processes are others in each line. */
function sourceOf(prefix: string): string {
  return prefix.replaceAll(
    /([ \t]*\d+(?:\.\d+)?)|([ \t]+)|[^\w\s]/g,
    (sign, number?: string, blanks?: string) =>
      number !== undefined
        ? String.raw`[ \t]*\d+(?:\.\d+)?`
        : blanks !== undefined
          ? String.raw`[ \t]+`
          : `\\${sign}`,
  );
}

function stripped(line: string, { pattern, blanks, quoted }: Shape): string {
  const found = pattern.exec(line)?.[0];
  if (found === undefined) return line;
  const rest = line.slice(found.length);
  // rsyslog writes tabs so.
  const own = (blanks > 0 && rest.startsWith(" ") ? rest.slice(1) : rest).replaceAll("#011", "\t");
  if (!quoted) return own;
  return plain(/^(?:[^"\\]|\\.)*/.exec(own)![0]).replace(/\n$/, "");
}
