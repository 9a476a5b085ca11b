import { ProgramBuilder } from "../builder.ts";
import type { Insn } from "../insn.ts";
import { r10 } from "../register.ts";
import { ancillaryOf } from "./ancillary.ts";
import { ClassicCheckError, checkClassic } from "./check.ts";
import {
  type ClassicLowering,
  ClassicRegister,
  type LoweringOutput,
  type PacketSize,
  skBuffContextLowering,
} from "./lowering.ts";
import { type ClassicOp, classicOp } from "./opcode.ts";
import type { SockFilter } from "./sock-filter.ts";

/** A call whose `imm` is still to be filled in. */
export interface KernelCall {
  readonly slot: number;
  /** The kernel function: `"bpf_skb_load_helper_32"`. */
  readonly symbol: string;
}

export interface TranslatedClassic {
  readonly insns: Insn[];
  /** The first slot of each classic instruction. */
  readonly slots: Uint32Array;
  /** Bytes of stack in use, for scratch memory. */
  readonly stackDepth: number;
  /** Calls of kernel functions that have no helper id; their `imm` is -1. */
  readonly calls: readonly KernelCall[];
}

const { a, x, temporary } = ClassicRegister;

const MAX_JUMP = 0x7fff;
/** Linux finds jump distances in passes, the first of which takes every target to be slot 0 and must still fit. */
const LAST_JUMP_SLOT = 0x7fff;

interface Jump {
  readonly slot: number;
  /** Classic instructions that it leads from and to. */
  readonly from: number;
  readonly to: number;
}

/** Writes the translation, and notes what its result needs beside the instructions. */
class Output implements LoweringOutput {
  readonly code = new ProgramBuilder();
  readonly calls: KernelCall[] = [];
  readonly jumps: Jump[] = [];

  /** The label of a classic instruction, for the jump that comes next. */
  target(from: number, to: number): string {
    this.jumps.push({ slot: this.code.length, from, to });
    return labelOf(to);
  }

  callKernel(symbol: string): void {
    this.calls.push({ slot: this.code.length, symbol });
    this.code.call(-1);
  }
}

/**
 * Translates a classic program to eBPF as Linux does (`bpf_convert_filter()` of 6.18): A lives in r0, X in r7, the
 * context in r6, scratch memory on the stack. `lowering` says how the packet and its properties are reached; by
 * default through `struct __sk_buff`.
 *
 * @throws ClassicCheckError where Linux refuses the program, also for a jump that grows too long.
 * @throws NotSupported where the lowering has no way to load some ancillary data.
 */
export function translateClassic(
  program: readonly SockFilter[],
  lowering: ClassicLowering = skBuffContextLowering,
): TranslatedClassic {
  checkClassic(program);
  const out = new Output();
  const { code } = out;
  const slots = new Uint32Array(program.length);
  let stackDepth = 0;

  lowering.prologue(out, program.some(readsPacket));

  for (let index = 0; index < program.length; index++) {
    const insn = program[index]!;
    const op = classicOp(insn.code)!;
    slots[index] = code.length;
    code.label(labelOf(index));
    if (op.conditional) {
      translateBranch(out, op, insn, index);
    } else if (op.operand === "target") {
      code.ja(out.target(index, index + 1 + insn.k));
    } else {
      translatePlain(out, lowering, op, insn.k | 0);
      if (op.mnemonic === "st" || op.mnemonic === "stx") stackDepth = Math.max(stackDepth, insn.k * 4 + 4);
    }
  }
  for (const jump of out.jumps) checkJump(jump, slots[jump.to]!);
  return { insns: code.insns(), slots, stackDepth, calls: out.calls };
}

function checkJump({ slot, from, to }: Jump, target: number): void {
  if (slot <= LAST_JUMP_SLOT && target - slot - 1 <= MAX_JUMP) return;
  throw new ClassicCheckError({
    index: from,
    reason: `the jump to instruction ${to} does not fit 16 bits in the translation (slot ${slot} to ${target})`,
  });
}

function readsPacket({ code, k }: SockFilter): boolean {
  const operand = classicOp(code)!.operand;
  return operand === "ind" || operand === "msh" || (operand === "abs" && ancillaryOf(k) === undefined);
}

function labelOf(index: number): string {
  return `${index}`;
}

/** Everything but jumps; `k` is signed here, as immediates are. */
function translatePlain(out: LoweringOutput, lowering: ClassicLowering, op: ClassicOp, k: number): void {
  const { code } = out;
  const register = op.mnemonic === "ldx" || op.mnemonic === "stx" ? x : a;
  switch (op.mnemonic) {
    case "st":
    case "stx":
      code.stx("w", r10, register, -(k * 4 + 4));
      break;
    case "tax":
      code.mov64(x, a);
      break;
    case "txa":
      code.mov64(a, x);
      break;
    case "ret":
      if (op.operand === "dec") code.mov32(a, k);
      code.exit();
      break;
    case "neg":
      code.neg32(a);
      break;
    case "add":
    case "sub":
    case "mul":
    case "or":
    case "and":
    case "xor":
    case "lsh":
    case "rsh":
      code.alu32(op.mnemonic, a, op.operand === "x" ? x : k);
      break;
    case "div":
    case "mod":
      // eBPF goes on with 0 or the dividend where the divisor is 0; classic programs end with 0.
      if (op.operand === "x") code.mov32(x, x).branch("jne", x, 0, 2).alu32("xor", a, a).exit();
      code.alu32(op.mnemonic, a, op.operand === "x" ? x : k);
      break;
    default:
      translateLoad(out, lowering, op, k);
  }
}

function translateLoad(out: LoweringOutput, lowering: ClassicLowering, op: ClassicOp, k: number): void {
  const { code } = out;
  const register = op.mnemonic === "ldx" ? x : a;
  switch (op.operand) {
    case "hex":
      code.mov32(register, k);
      break;
    case "mem":
      code.ldx("w", register, r10, -(k * 4 + 4));
      break;
    case "len":
      lowering.length(out, register);
      break;
    case "ind":
      lowering.loadIndirect(out, sizeOf(op), k);
      break;
    case "abs": {
      const ancillary = ancillaryOf(k);
      if (ancillary === undefined) lowering.loadAbsolute(out, sizeOf(op), k);
      else lowering.ancillary(out, ancillary.name);
      break;
    }
    case "msh":
      // X keeps A meanwhile, since the load gives its result in A.
      code.mov64(x, a);
      lowering.loadAbsolute(out, "b", k);
      code.alu32("and", a, 0xf).alu32("lsh", a, 2);
      code.mov64(temporary, x).mov64(x, a).mov64(a, temporary);
      break;
  }
}

function sizeOf(op: ClassicOp): PacketSize {
  return op.size === 4 ? "w" : op.size === 2 ? "h" : "b";
}

const CONDITIONS = { jeq: "jeq", jgt: "jgt", jge: "jge", jset: "jset" } as const;
/** What tests the opposite; eBPF has none for jset. */
const OPPOSITES = { jeq: "jne", jgt: "jle", jge: "jlt", jset: undefined } as const;

function translateBranch(out: Output, op: ClassicOp, insn: SockFilter, index: number): void {
  const { code } = out;
  const name = op.mnemonic as keyof typeof CONDITIONS;
  const k = insn.k | 0;
  let operand: typeof x | number = op.operand === "x" ? x : k;
  if (operand === k && k < 0) {
    // The immediate of a 64-bit comparison would be sign-extended.
    code.mov32(temporary, k);
    operand = temporary;
  }
  const whenTrue = index + 1 + insn.jt;
  const whenFalse = index + 1 + insn.jf;
  const opposite = OPPOSITES[name];
  if (insn.jf !== 0 && insn.jt === 0 && opposite !== undefined) {
    code.branch(opposite, a, operand, out.target(index, whenFalse));
    return;
  }
  code.branch(CONDITIONS[name], a, operand, out.target(index, whenTrue));
  if (insn.jf !== 0) code.ja(out.target(index, whenFalse));
}
