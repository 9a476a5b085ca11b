import { type Insn, isWide, lookup } from "../isa/index.ts";

/** A function's record of `.BTF.ext`, in the order of slots. */
export interface DotFunction {
  readonly slot: number;
  /** `int count(struct __sk_buff *skb)`; empty where the type says nothing. */
  readonly signature: string;
}

/** A line record of `.BTF.ext`, in the order of slots. */
export interface DotLine {
  readonly slot: number;
  /** The source line without its indentation; records without text show nothing. */
  readonly text: string;
  /** Where it stands, if that is to be shown; the file's name as it is to appear. */
  readonly place?: { readonly file: string; readonly line: number; readonly column: number };
}

/** What stands inside the blocks. */
export interface DotListing {
  /** The text of the instruction at a slot, as in the plain listing: `(bf) r7 = r1`. */
  insn(slot: number): string;
  /** The instruction's bytes in hexadecimal, if these are to be shown. */
  opcodes?(slot: number): string;
  readonly functions?: readonly DotFunction[];
  readonly lines?: readonly DotLine[];
}

export interface DotOptions {
  /** As of `CfgOptions`; bpftool reads `off`, as it sees only what the kernel gives back. That is the default. */
  readonly callTarget?: "imm" | "off";
}

const ENTRY = 0;
const EXIT = 1;
const FIRST_BLOCK = 2;

interface DotFunctionRange {
  readonly start: number;
  readonly end: number;
  /** By first mention in a call, not by place. */
  readonly index: number;
}

/**
 * The graph that `bpftool prog dump xlated … visual` prints, in Graphviz's language, byte for byte (bpftool 7.8,
 * `cfg.c` and `dump_xlated_for_graph()`).
 *
 * Its blocks are not those of {@link buildCfg}: an exit ends no block and is drawn as leading to the next one, only
 * calls begin functions, and slots count from the function's start, also when source lines are looked up. One thing
 * differs on purpose: `gotol` is drawn to its target, where bpftool looks at the wrong field. Jumps out of a function
 * are left out.
 */
export function dotGraph(insns: readonly Insn[], listing: DotListing, options: DotOptions = {}): string {
  const out = ['digraph "DOT graph for eBPF program" {\n'];
  for (const range of partition(insns, options.callTarget ?? "off")) {
    drawFunction(out, insns, range, listing);
  }
  out.push("}\n");
  return out.join("");
}

function partition(insns: readonly Insn[], callTarget: "imm" | "off"): DotFunctionRange[] {
  const indices = new Map<number, number>([[0, 0]]);
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (lookup(insn)?.name !== "call_local") continue;
    const target = slot + 1 + insn[callTarget];
    if (target >= 0 && target < insns.length && !indices.has(target)) indices.set(target, indices.size);
  }
  if (insns.length === 0) return [];
  const starts = [...indices.keys()].sort((one, other) => one - other);
  return starts.map((start, at) => ({
    start,
    end: starts[at + 1] ?? insns.length,
    index: indices.get(start)!,
  }));
}

/** The target of a jump; `undefined` for everything else. */
function jumpTarget(insn: Insn, slot: number): number | undefined {
  const row = lookup(insn);
  if (row?.kind === "branch" || row?.kind === "mayGoto") return slot + 1 + insn.off;
  if (row?.kind === "goto") return slot + 1 + (row.off === "target" ? insn.off : insn.imm);
  return undefined;
}

function drawFunction(
  out: string[],
  insns: readonly Insn[],
  { start, end, index }: DotFunctionRange,
  listing: DotListing,
): void {
  const heads = headsOf(insns, start, end);
  const numbers = new Map(heads.map((head, at) => [head, FIRST_BLOCK + at]));
  const node = (number: number): string => `fn_${index}_bb_${number}`;
  const edges: string[] = [];
  const edge = (from: number, to: number): void => {
    edges.push(
      `\t${node(from)}:s -> ${node(to)}:n [style="solid,bold", color=black, weight=10, constraint=true];\n`,
    );
  };

  out.push(
    `subgraph "cluster_${index}" {\n\tstyle="dashed";\n\tcolor="black";\n\tlabel="func_${index} ()";\n`,
  );
  out.push(`\t${node(ENTRY)} [shape=Mdiamond,style=filled,label="ENTRY"];\n\n`);
  edge(ENTRY, FIRST_BLOCK);
  heads.forEach((head, at) => {
    const next = heads[at + 1] ?? end;
    out.push(`\t${node(FIRST_BLOCK + at)} [shape=record,style=filled,label="{\\\n`);
    drawBlock(out, insns, start, head, next, listing);
    out.push('}"];\n\n');

    const last = insns[next - 1]!;
    const target = jumpTarget(last, next - 1);
    const from = FIRST_BLOCK + at;
    if (lookup(last)?.kind !== "goto") edge(from, at + 1 < heads.length ? from + 1 : EXIT);
    const to = target === undefined ? undefined : numbers.get(target);
    if (to !== undefined) edge(from, to);
  });
  out.push(`\t${node(EXIT)} [shape=Mdiamond,style=filled,label="EXIT"];\n\n`);
  for (const line of edges) out.push(line);
  out.push(`\t${node(ENTRY)}:s -> ${node(EXIT)}:n [style="invis", constraint=true];\n}\n`);
}

function headsOf(insns: readonly Insn[], start: number, end: number): number[] {
  const heads = new Set([start]);
  for (let slot = start; slot < end; slot++) {
    const target = jumpTarget(insns[slot]!, slot);
    if (target === undefined) continue;
    if (target >= start && target < end) heads.add(target);
    if (lookup(insns[slot]!)?.kind !== "goto" && slot + 1 < end) heads.add(slot + 1);
  }
  return [...heads].sort((one, other) => one - other);
}

function drawBlock(
  out: string[],
  insns: readonly Insn[],
  functionStart: number,
  head: number,
  next: number,
  listing: DotListing,
): void {
  const { functions = [], lines = [] } = listing;
  let nextFunction = 0;
  let shownLine: DotLine | undefined;
  for (let slot = head; slot < next; slot++) {
    const number = slot - functionStart;
    if (functions[nextFunction]?.slot === number) {
      const { signature } = functions[nextFunction++]!;
      if (signature !== "") out.push(`; ${signature}:\\l\\\n`);
    }
    const line = lineAt(lines, number);
    if (line !== undefined && line !== shownLine) drawLine(out, line);
    shownLine = line ?? shownLine;

    out.push(`${number}: ${insnText(listing.insn(slot))}`);
    const opcodes = listing.opcodes?.(slot);
    if (opcodes !== undefined) out.push(`\\ \\ \\ \\ ${opcodes}\\l\\\n`);
    // Also after a wide load that ends the block.
    if (slot !== next - 1) out.push("| ");
    if (isWide(insns[slot]!)) slot++;
  }
}

/** The last record at or before a slot. */
function lineAt(lines: readonly DotLine[], slot: number): DotLine | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.slot <= slot) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
}

function drawLine(out: string[], { text, place }: DotLine): void {
  const trimmed = text.trimStart();
  if (trimmed === "") return;
  if (place !== undefined) {
    out.push(`; [${sourceText(place.file)} line:${place.line} col:${place.column}]\\l\\\n`);
  }
  out.push(`; ${sourceText(trimmed)}\\l\\\n`);
}

function sourceText(text: string): string {
  return text.replaceAll(/[\\"{}<>| ]/g, "\\$&");
}

/** bpftool formats an instruction into 63 characters; of a longer one, the end and its line break are lost. */
const INSN_TEXT_LENGTH = 63;

function insnText(text: string): string {
  return `${text}\n`
    .slice(0, INSN_TEXT_LENGTH)
    .replaceAll(/[<>|&]/g, "\\$&")
    .replaceAll("\n", "\\l\\\n");
}
