import { Class, type Insn, Mode } from "../../../src/isa/index.ts";

const MASK = 0xffff_ffff_ffff_ffffn;
const LOW = 0xffff_ffffn;

export interface Region {
  readonly base: bigint;
  readonly bytes: Uint8Array;
}

export interface Environment {
  readonly regions: readonly Region[];
  /** Value of r1. */
  readonly context: bigint;
  /** A call at a slot. */
  call(slot: number, registers: readonly bigint[]): bigint;
  /** A packet instruction: the value, or `undefined` to end the program with 0. */
  packet(offset: number, size: number): number | undefined;
}

const STACK = 0x7000_0000n;

/** A small and slow evaluator of the part of eBPF that translated programs consist of, by the letter of RFC 9669. */
export function evaluate(insns: readonly Insn[], environment: Environment): number {
  const r = new Array<bigint>(11).fill(0xdead_0000_0000n);
  const regions = [...environment.regions, { base: STACK - 512n, bytes: new Uint8Array(512).fill(0xaa) }];
  r[1] = environment.context;
  r[10] = STACK;
  for (let pc = 0, steps = 0; ; pc++) {
    const insn = insns[pc];
    if (insn === undefined) throw new Error(`ran to slot ${pc} of ${insns.length}`);
    if (++steps > 100_000) throw new Error("does not end");
    const { opcode, dst, src, off, imm } = insn;
    const kind = opcode & 7;
    const code = opcode >> 4;
    switch (kind) {
      case Class.alu:
      case Class.alu64: {
        const wide = kind === Class.alu64;
        if (code === 0xd) {
          if ((opcode & 8) === 0) throw new Error("only be is expected");
          r[dst] = swap(r[dst]!, imm);
          break;
        }
        const mask = wide ? MASK : LOW;
        const operand = ((opcode & 8) !== 0 ? r[src]! : BigInt(imm)) & mask;
        r[dst] = alu(code, r[dst]! & mask, operand, wide ? 63n : 31n) & mask;
        break;
      }
      case Class.jmp:
        if (code === 9) return Number(r[0]! & LOW);
        if (code === 8) {
          const result = environment.call(pc, r);
          for (let i = 1; i <= 5; i++) r[i] = 0xdead_beef_dead_beefn;
          r[0] = result & MASK;
        } else if (code === 0 || holds(code, r[dst]!, (opcode & 8) !== 0 ? r[src]! : BigInt(imm) & MASK)) {
          pc += off;
        }
        break;
      case Class.ldx:
        r[dst] = read(regions, r[src]! + BigInt(off), sizeOf(opcode));
        break;
      case Class.stx:
        write(regions, r[dst]! + BigInt(off), sizeOf(opcode), r[src]!);
        break;
      case Class.ld: {
        const indirect = (opcode & 0xe0) === Mode.ind;
        const at = indirect ? Number(BigInt.asIntN(32, r[src]! + BigInt(imm))) : imm;
        const value = environment.packet(at, sizeOf(opcode));
        if (value === undefined) return 0;
        for (let i = 1; i <= 5; i++) r[i] = 0xdead_beef_dead_beefn;
        r[0] = BigInt(value);
        break;
      }
      default:
        throw new Error(`opcode ${opcode}`);
    }
  }
}

function alu(code: number, a: bigint, b: bigint, shift: bigint): bigint {
  switch (code) {
    case 0x0:
      return a + b;
    case 0x1:
      return a - b;
    case 0x2:
      return a * b;
    case 0x3:
      return b === 0n ? 0n : a / b;
    case 0x4:
      return a | b;
    case 0x5:
      return a & b;
    case 0x6:
      return a << (b & shift);
    case 0x7:
      return a >> (b & shift);
    case 0x8:
      return -a;
    case 0x9:
      return b === 0n ? a : a % b;
    case 0xa:
      return a ^ b;
    case 0xb:
      return b;
    default:
      throw new Error(`ALU operation ${code}`);
  }
}

function holds(code: number, a: bigint, b: bigint): boolean {
  const signed = (value: bigint) => BigInt.asIntN(64, value);
  switch (code) {
    case 0x1:
      return a === b;
    case 0x2:
      return a > b;
    case 0x3:
      return a >= b;
    case 0x4:
      return (a & b) !== 0n;
    case 0x5:
      return a !== b;
    case 0x7:
      return signed(a) >= signed(b);
    case 0xa:
      return a < b;
    case 0xb:
      return a <= b;
    case 0xc:
      return signed(a) < signed(b);
    default:
      throw new Error(`condition ${code}`);
  }
}

function sizeOf(opcode: number): number {
  return { 0: 4, 8: 2, 16: 1, 24: 8 }[opcode & 0x18]!;
}

function swap(value: bigint, bits: number): bigint {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((value >> BigInt(i)) & 0xffn);
  return out;
}

function locate(regions: readonly Region[], address: bigint, size: number): [Uint8Array, number] {
  for (const { base, bytes } of regions) {
    const at = address - base;
    if (at >= 0n && at + BigInt(size) <= BigInt(bytes.length)) return [bytes, Number(at)];
  }
  throw new Error(`access to ${size} bytes at 0x${address.toString(16)}`);
}

function read(regions: readonly Region[], address: bigint, size: number): bigint {
  const [bytes, at] = locate(regions, address, size);
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!);
  return value;
}

function write(regions: readonly Region[], address: bigint, size: number, value: bigint): void {
  const [bytes, at] = locate(regions, address, size);
  for (let i = 0; i < size; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}
