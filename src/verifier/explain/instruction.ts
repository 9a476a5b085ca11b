/** What an instruction of a log does to registers, read from its text. */
export interface InstructionEffect {
  /** Registers it reads, by number. */
  readonly reads: readonly number[];
  /** The register it writes, or -1. */
  readonly writes: number;
  /** A call: r0 to r5 are lost. */
  readonly call: string | null;
  /** The stack slot, as an offset from r10, that it stores to or loads from; null for none. */
  readonly stack: { readonly offset: number; readonly store: boolean } | null;
  /** `"mov"`, `"add"`, `"load"` …: the operation in one word. */
  readonly operation:
    | "mov"
    | "movsx"
    | "constant"
    | "alu"
    | "load"
    | "store"
    | "atomic"
    | "call"
    | "branch"
    | "goto"
    | "exit"
    | "other";
  /** `"+="` of arithmetic, `"<"` of comparisons. */
  readonly operator: string;
  /** It works on the low 32 bits. */
  readonly narrow: boolean;
}

const REGISTER = /\b[rw](\d+)\b/g;

function registersOf(text: string): number[] {
  return [...text.matchAll(REGISTER)].map((match) => Number(match[1]));
}

const NONE = { reads: [], writes: -1, call: null, stack: null, operator: "", narrow: false } as const;

/** Reads the text of an instruction as kernels from 4.14 to today print it. */
export function effectOf(text: string): InstructionEffect {
  if (text === "exit") return { ...NONE, operation: "exit", reads: [0] };
  const call = /^call (\S+)/.exec(text);
  if (call !== null) return { ...NONE, operation: "call", call: call[1]!, writes: 0 };
  if (/^(?:goto|gotol|may_goto)\b/.test(text)) return { ...NONE, operation: "goto" };
  const branch = /^if (.+?) (==|!=|s?[<>]=?|&) (.+?) goto /.exec(text);
  if (branch !== null) {
    const narrow = branch[1]!.startsWith("w");
    const reads = registersOf(`${branch[1]} ${branch[3]}`);
    return { ...NONE, operation: "branch", operator: branch[2]!, reads, narrow };
  }
  const store = /^(lock )?\*\(([us]\d+) \*\)\(r(\d+) ?([+-]\d+)\) (\S*=) (.+)$/.exec(text);
  if (store !== null) {
    const base = Number(store[3]);
    const stack = base === 10 ? { offset: Number(store[4]), store: true } : null;
    const reads = [base, ...registersOf(store[6]!)];
    return { ...NONE, operation: store[1] === undefined ? "store" : "atomic", reads, stack };
  }
  const assignment = /^([rw])(\d+) (s?\S*=) (.+)$/.exec(text);
  if (assignment === null) return { ...NONE, operation: "other", reads: registersOf(text) };
  return assignmentEffect(assignment[1] === "w", Number(assignment[2]), assignment[3]!, assignment[4]!);
}

function assignmentEffect(
  narrow: boolean,
  writes: number,
  operator: string,
  right: string,
): InstructionEffect {
  const reads = registersOf(right);
  const common = { ...NONE, writes, operator, narrow };
  if (operator !== "=") return { ...common, operation: "alu", reads: [writes, ...reads] };
  const load = /^\*\(([us]\d+) \*\)\(r(\d+) ?([+-]\d+)\)$/.exec(right);
  if (load !== null) {
    const base = Number(load[2]);
    const stack = base === 10 ? { offset: Number(load[3]), store: false } : null;
    return { ...common, operation: "load", reads: [base], stack };
  }
  if (/^[rw]\d+$/.test(right)) return { ...common, operation: "mov", reads };
  if (/^\(s(8|16|32)\)\s?[rw]\d+$/.test(right)) return { ...common, operation: "movsx", reads };
  if (/^(-?\d+|0x[0-9a-f]+|map\[.*|subprog\[.*)( ll)?$/.test(right))
    return { ...common, operation: "constant", reads: [] };
  if (/atomic|load_acquire/.test(right)) return { ...common, operation: "atomic", reads };
  return { ...common, operation: "alu", reads: right.startsWith("-") ? [writes] : reads };
}
