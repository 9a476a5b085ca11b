import { helperName } from "../../uapi/index.ts";

/** Memory that an instruction accesses through a register. */
export interface MemoryAccess {
  readonly base: number;
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  readonly store: boolean;
}

/** What an instruction of a log does to registers, read from its text. */
export interface InstructionEffect {
  /** Registers it reads, by number; the first of arithmetic is the one it changes, of accesses the address. */
  readonly reads: readonly number[];
  /** The register it writes, or -1. */
  readonly writes: number;
  /** Whom it calls: `"bpf_map_lookup_elem#1"`, `"pc+3"`; null for what is no call. */
  readonly call: string | null;
  readonly memory: MemoryAccess | null;
  readonly operation:
    | "mov"
    | "movsx"
    | "constant"
    | "alu"
    | "load"
    | "store"
    | "atomic"
    /** A load from the packet by `BPF_ABS` or `BPF_IND`: r1 to r5 are lost. */
    | "skb"
    | "call"
    | "branch"
    | "goto"
    | "exit"
    | "other";
  /** `"+="` of arithmetic, `"<"` of comparisons. */
  readonly operator: string;
  /** The constant on the right of arithmetic and comparisons; null where a register stands there. */
  readonly constant: bigint | null;
  /** It works on the low 32 bits. */
  readonly narrow: boolean;
  /** Slots to jump, of branches and jumps; null for the rest. */
  readonly jump: number | null;
}

const REGISTER = /\b[rw](\d+)\b/g;
const ACCESS = String.raw`\*\(([us])(\d+) \*\)\(r(\d+) ?([+-]\d+)\)`;
const STORE = new RegExp(`^(lock )?${ACCESS} (\\S*=) (.+)$`);
const LOAD = new RegExp(`^${ACCESS}$`);
/** `atomic64_fetch_add((u64 *)(r1 -8), r0)`, `load_acquire((u32 *)(r1 +0))`. */
const ATOMIC = /\(\(([us])(\d+) \*\)\(r(\d+) ?([+-]\d+)\)(?:, (.+))?\)$/;
const COMPARISON = /^if (.+?) (==|!=|s?[<>]=?|&) (.+?) goto (?:pc)?([+-]\d+)/;

const NONE = {
  reads: [],
  writes: -1,
  call: null,
  memory: null,
  operator: "",
  constant: null,
  narrow: false,
  jump: null,
} as const;

function registersOf(text: string): number[] {
  return [...text.matchAll(REGISTER)].map((match) => Number(match[1]));
}

/** Reads the text of an instruction as kernels from 4.14 to today print it. */
export function effectOf(text: string): InstructionEffect {
  if (text === "exit") return { ...NONE, operation: "exit", reads: [0] };
  const call = /^call (\S+)/.exec(text);
  if (call !== null) return { ...NONE, operation: "call", call: calleeOf(call[1]!), writes: 0 };
  const jump = /^(?:goto|gotol|may_goto|goto_or_nop) (?:pc)?([+-]\d+)/.exec(text);
  if (jump !== null) return { ...NONE, operation: "goto", jump: Number(jump[1]) };
  const branch = COMPARISON.exec(text);
  if (branch !== null) return branchEffect(branch);
  const store = STORE.exec(text);
  if (store !== null) return storeEffect(store);
  const release = /^(?:store_release|atomic\S*)/.test(text) ? ATOMIC.exec(text) : null;
  if (release !== null) return atomicEffect(release, -1);
  const assignment = /^([rw])(\d+) (s?\S*=) (.+)$/.exec(text);
  if (assignment === null) return { ...NONE, operation: "other", reads: registersOf(text) };
  return assignmentEffect(assignment[1] === "w", Number(assignment[2]), assignment[3]!, assignment[4]!);
}

/** Kernels before 4.14 write the number alone. */
function calleeOf(name: string): string {
  const named = /^\d+$/.test(name) ? helperName(Number(name)) : undefined;
  return named === undefined ? name : `bpf_${named}#${name}`;
}

function branchEffect([, left, operator, right, jump]: RegExpExecArray): InstructionEffect {
  return {
    ...NONE,
    operation: "branch",
    operator: operator!,
    reads: registersOf(`${left} ${right}`),
    narrow: left!.startsWith("w"),
    constant: constantOf(right!),
    jump: Number(jump),
  };
}

function storeEffect([, lock, , bits, base, offset, , value]: RegExpExecArray): InstructionEffect {
  const memory = { base: Number(base), offset: Number(offset), size: Number(bits) / 8, store: true };
  return {
    ...NONE,
    operation: lock === undefined ? "store" : "atomic",
    reads: [memory.base, ...registersOf(value!)],
    memory,
    constant: constantOf(value!),
  };
}

function atomicEffect([, , bits, base, offset, rest]: RegExpExecArray, writes: number): InstructionEffect {
  const memory = { base: Number(base), offset: Number(offset), size: Number(bits) / 8, store: true };
  return { ...NONE, operation: "atomic", reads: [memory.base, ...registersOf(rest ?? "")], memory, writes };
}

function assignmentEffect(
  narrow: boolean,
  writes: number,
  operator: string,
  right: string,
): InstructionEffect {
  const reads = registersOf(right);
  const common = { ...NONE, writes, operator, narrow };
  const constant = constantOf(right);
  if (operator !== "=") return { ...common, operation: "alu", reads: [writes, ...reads], constant };
  const load = LOAD.exec(right);
  if (load !== null) {
    const [, , bits, base, offset] = load;
    const memory = { base: Number(base), offset: Number(offset), size: Number(bits) / 8, store: false };
    return { ...common, operation: "load", reads: [memory.base], memory };
  }
  const atomic = /^(?:atomic|load_acquire)/.test(right) ? ATOMIC.exec(right) : null;
  if (atomic !== null) {
    if (!right.startsWith("load_acquire")) return atomicEffect(atomic, writes);
    const { memory, reads: from } = atomicEffect(atomic, writes);
    return { ...common, operation: "load", reads: from, memory: { ...memory!, store: false } };
  }
  if (/skb\[/.test(right)) return { ...common, operation: "skb", reads: [6, ...reads] };
  if (/^[rw]\d+$/.test(right)) return { ...common, operation: "mov", reads };
  if (/^\(s(8|16|32)\)\s?[rw]\d+$/.test(right)) return { ...common, operation: "movsx", reads };
  if (constant !== null || reads.length === 0) return { ...common, operation: "constant", constant };
  // `r1 = -r1`, `r1 = be16 r1`, `r1 = addr_space_cast(r2, 0, 1)`.
  return { ...common, operation: "alu", reads };
}

function constantOf(text: string): bigint | null {
  const match = /^(-?)(0x[0-9a-f]+|\d+)(?: ll)?$/.exec(text);
  if (match === null) return null;
  const value = BigInt(match[2]!);
  return match[1] === "-" ? -value : value;
}
