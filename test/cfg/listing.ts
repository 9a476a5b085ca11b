import type { DotFunction, DotLine, DotListing } from "../../src/cfg/index.ts";

const SHORT_PATH = 32;

/** bpftool's way to shorten file names in graphs. */
function shorten(path: string): string {
  if (path.length <= SHORT_PATH) return path;
  const slash = path.indexOf("/", path.length - SHORT_PATH);
  return slash < 3 ? path : `...${path.slice(slash)}`;
}

/** Takes a listing of `bpftool prog dump xlated … [opcodes] linum` apart into what a graph needs. */
export function listingOf(text: string, shown: { linum: boolean; opcodes: boolean }): DotListing {
  const insns = new Map<number, string>();
  const bytes = new Map<number, string>();
  const functions: DotFunction[] = [];
  const lines: DotLine[] = [];
  let signature: string | undefined;
  let line: Omit<DotLine, "slot"> | undefined;
  let slot = 0;
  for (const row of text.split("\n")) {
    const insn = /^ *(\d+): (.*)$/.exec(row);
    const source = /^; (.*) \[file:(\S*) line_num:(\d+) line_col:(\d+)\]$/.exec(row);
    if (insn !== null) {
      slot = Number(insn[1]);
      insns.set(slot, insn[2]!);
      if (signature !== undefined) functions.push({ slot, signature });
      if (line !== undefined) lines.push({ slot, ...line });
      signature = line = undefined;
    } else if (source !== null) {
      const [, text = "", file = "", number, column] = source;
      const place = { file: shorten(file), line: Number(number), column: Number(column) };
      line = shown.linum ? { text, place } : { text };
    } else if (/^ {7}[0-9a-f]{2} /.test(row)) {
      bytes.set(slot, row.trim());
    } else if (/:$/.test(row)) {
      signature = row.slice(0, -1);
    }
  }
  return {
    insn: (at) => insns.get(at) ?? "(missing)",
    ...(shown.opcodes ? { opcodes: (at: number) => bytes.get(at) ?? "" } : {}),
    functions,
    lines,
  };
}
