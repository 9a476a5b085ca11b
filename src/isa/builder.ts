import { TsbpfError } from "../base/index.ts";
import type { Insn } from "./insn.ts";
import { rowNamed } from "./lookup.ts";
import { CallKind, type SizeName, WideKind } from "./opcode.ts";
import type { Register } from "./register.ts";
import type { InsnRow } from "./row.ts";
import { wideSlots } from "./wide.ts";

export type AluName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "sdiv"
  | "mod"
  | "smod"
  | "or"
  | "and"
  | "xor"
  | "lsh"
  | "rsh"
  | "arsh"
  | "mov";
export type ConditionName =
  | "jeq"
  | "jne"
  | "jgt"
  | "jge"
  | "jlt"
  | "jle"
  | "jsgt"
  | "jsge"
  | "jslt"
  | "jsle"
  | "jset";
export type AtomicName = "add" | "or" | "and" | "xor";
/** A register, or an immediate of 32 bits (given signed or unsigned). */
export type Operand = Register | number;
/** A label's name, or slots from the next instruction. */
export type Target = string | number;

/** A label that is missing or twice there, or a value that does not fit its field. */
export class BuildError extends TsbpfError {
  override name = "BuildError";
}

interface Fixup {
  readonly slot: number;
  readonly label: string;
  readonly field: "off" | "imm";
}

/**
 * Writes a program instruction by instruction. Every method appends and returns the builder; `insns()` resolves
 * the labels.
 *
 * ```ts
 * new ProgramBuilder().mov64(r0, 0).branch("jgt", r1, 5, "out").alu64("add", r0, 1).label("out").exit().insns()
 * ```
 */
export class ProgramBuilder {
  readonly #insns: Insn[] = [];
  readonly #labels = new Map<string, number>();
  readonly #fixups: Fixup[] = [];

  /** Slots so far: the index of the next one. */
  get length(): number {
    return this.#insns.length;
  }

  /** Names the next slot. */
  label(name: string): this {
    if (this.#labels.has(name)) throw new BuildError(`label ${name} is defined twice`);
    this.#labels.set(name, this.#insns.length);
    return this;
  }

  /** Appends slots as they are. */
  raw(...insns: readonly Insn[]): this {
    for (const insn of insns) this.#insns.push(insn);
    return this;
  }

  alu64(name: AluName, dst: Register, operand: Operand): this {
    return this.#binary(`${name}64`, dst, operand);
  }

  alu32(name: AluName, dst: Register, operand: Operand): this {
    return this.#binary(`${name}32`, dst, operand);
  }

  mov64(dst: Register, operand: Operand): this {
    return this.#binary("mov64", dst, operand);
  }

  mov32(dst: Register, operand: Operand): this {
    return this.#binary("mov32", dst, operand);
  }

  /** dst = (s8, s16 or s32) src */
  movsx64(bits: 8 | 16 | 32, dst: Register, src: Register): this {
    return this.#row(rowNamed(`movsx64_s${bits}`), dst.number, src.number, 0, 0);
  }

  movsx32(bits: 8 | 16, dst: Register, src: Register): this {
    return this.#row(rowNamed(`movsx32_s${bits}`), dst.number, src.number, 0, 0);
  }

  neg64(dst: Register): this {
    return this.#row(rowNamed("neg64"), dst.number, 0, 0, 0);
  }

  neg32(dst: Register): this {
    return this.#row(rowNamed("neg32"), dst.number, 0, 0, 0);
  }

  /** Converts between the machine's byte order and the named one, or swaps always. */
  end(order: "le" | "be" | "bswap", bits: 16 | 32 | 64, dst: Register): this {
    return this.#row(rowNamed(`${order}${bits}`), dst.number, 0, 0, 0);
  }

  addrSpaceCast(dst: Register, src: Register, toSpace: number, fromSpace: number): this {
    return this.#row(
      rowNamed("addr_space_cast"),
      dst.number,
      src.number,
      0,
      (toSpace << 16) | (fromSpace & 0xffff),
    );
  }

  /** A conditional jump on 64 bits. */
  branch(condition: ConditionName, dst: Register, operand: Operand, target: Target): this {
    return this.#branch(`${condition}64`, dst, operand, target);
  }

  /** A conditional jump on the low 32 bits. */
  branch32(condition: ConditionName, dst: Register, operand: Operand, target: Target): this {
    return this.#branch(`${condition}32`, dst, operand, target);
  }

  ja(target: Target): this {
    return this.#row(rowNamed("ja"), 0, 0, this.#target(target, "off"), 0);
  }

  gotol(target: Target): this {
    return this.#row(rowNamed("gotol"), 0, 0, 0, this.#target(target, "imm"));
  }

  mayGoto(target: Target): this {
    return this.#row(rowNamed("may_goto"), 0, 0, this.#target(target, "off"), 0);
  }

  /** dst = *(size *)(src + off) */
  ldx(size: SizeName, dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`ldx_${size}`), dst.number, src.number, off, 0);
  }

  /** dst = *(signed size *)(src + off) */
  ldsx(size: "b" | "h" | "w", dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`ldsx_${size}`), dst.number, src.number, off, 0);
  }

  /** *(size *)(dst + off) = src */
  stx(size: SizeName, dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`stx_${size}`), dst.number, src.number, off, 0);
  }

  /** *(size *)(dst + off) = imm */
  st(size: SizeName, dst: Register, off: number, imm: number): this {
    return this.#row(rowNamed(`st_${size}`), dst.number, 0, off, imm);
  }

  /** r0 = *(size *)skb[offset] */
  ldAbs(size: "b" | "h" | "w", offset: number): this {
    return this.#row(rowNamed(`ld_abs_${size}`), 0, 0, 0, offset);
  }

  /** r0 = *(size *)skb[src + offset] */
  ldInd(size: "b" | "h" | "w", src: Register, offset: number): this {
    return this.#row(rowNamed(`ld_ind_${size}`), 0, src.number, 0, offset);
  }

  /** lock *(size *)(dst + off) op= src */
  atomic(name: AtomicName, size: "w" | "dw", dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`atomic_${name}_${size}`), dst.number, src.number, off, 0);
  }

  /** As `atomic`, and src = the old value. */
  atomicFetch(name: AtomicName, size: "w" | "dw", dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`atomic_fetch_${name}_${size}`), dst.number, src.number, off, 0);
  }

  xchg(size: "w" | "dw", dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`xchg_${size}`), dst.number, src.number, off, 0);
  }

  /** Stores src where the memory equals r0; r0 = the old value. */
  cmpxchg(size: "w" | "dw", dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`cmpxchg_${size}`), dst.number, src.number, off, 0);
  }

  loadAcquire(size: SizeName, dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`load_acquire_${size}`), dst.number, src.number, off, 0);
  }

  storeRelease(size: SizeName, dst: Register, src: Register, off: number): this {
    return this.#row(rowNamed(`store_release_${size}`), dst.number, src.number, off, 0);
  }

  /** dst = a 64-bit number. */
  ldImm64(dst: Register, imm: bigint | number): this {
    return this.raw(...wideSlots(dst.number, WideKind.imm, BigInt(imm)));
  }

  /** dst = what the kernel makes of `imm` and the second slot's `next` (a map, a map's value, a variable …). */
  ldPseudo64(dst: Register, kind: WideKind, imm: number, next = 0): this {
    return this.raw(...wideSlots(dst.number, kind, (BigInt(next | 0) << 32n) | BigInt(imm >>> 0)));
  }

  /** dst = the address of a subprogram. */
  ldFunc(dst: Register, target: Target): this {
    return this.ldPseudo64(dst, WideKind.func, this.#target(target, "imm"));
  }

  /** Calls a helper by id. */
  call(helper: number): this {
    return this.#row(rowNamed("call_helper"), 0, CallKind.helper, 0, helper);
  }

  /** Calls a subprogram of this program. */
  callLocal(target: Target): this {
    return this.#row(rowNamed("call_local"), 0, CallKind.local, 0, this.#target(target, "imm"));
  }

  /** Calls a kernel function by BTF id; `btfIndex` selects a module's BTF in the load's `fd_array`. */
  callKfunc(btfId: number, btfIndex = 0): this {
    return this.#row(rowNamed("call_kfunc"), 0, CallKind.kfunc, btfIndex, btfId);
  }

  /** Calls the function whose address is in a register. */
  callx(register: Register): this {
    return this.#row(rowNamed("callx"), register.number, 0, 0, 0);
  }

  exit(): this {
    return this.#row(rowNamed("exit"), 0, 0, 0, 0);
  }

  /** The program; labels become displacements. The builder may go on afterwards. */
  insns(): Insn[] {
    const insns = [...this.#insns];
    for (const { slot, label, field } of this.#fixups) {
      const target = this.#labels.get(label);
      if (target === undefined) throw new BuildError(`label ${label} is not defined`);
      const displacement = target - slot - 1;
      if (field === "off" && (displacement < -0x8000 || displacement > 0x7fff)) {
        throw new BuildError(`label ${label}: expected a jump of 16 bits, got ${displacement} slots`);
      }
      insns[slot] = { ...insns[slot]!, [field]: displacement };
    }
    return insns;
  }

  #binary(name: string, dst: Register, operand: Operand): this {
    return typeof operand === "number"
      ? this.#row(rowNamed(`${name}_k`), dst.number, 0, 0, operand)
      : this.#row(rowNamed(`${name}_x`), dst.number, operand.number, 0, 0);
  }

  #branch(name: string, dst: Register, operand: Operand, target: Target): this {
    const off = this.#target(target, "off");
    return typeof operand === "number"
      ? this.#row(rowNamed(`${name}_k`), dst.number, 0, off, operand)
      : this.#row(rowNamed(`${name}_x`), dst.number, operand.number, off, 0);
  }

  #target(target: Target, field: "off" | "imm"): number {
    if (typeof target === "number") return target;
    this.#fixups.push({ slot: this.#insns.length, label: target, field });
    return 0;
  }

  #row(row: InsnRow, dst: number, src: number, off: number, imm: number): this {
    this.#insns.push(insnOf(row, dst, src, off, imm));
    return this;
  }
}

/**
 * One slot from a row of the table and the fields that the row leaves open; the others are the row's own.
 *
 * @throws BuildError where `off` needs more than 16 bits or `imm` more than 32.
 */
export function insnOf(row: InsnRow, dst: number, src: number, off: number, imm: number): Insn {
  if (!(Number.isInteger(off) && off >= -0x8000 && off <= 0x7fff)) {
    throw new BuildError(`${row.name}: expected an offset of 16 bits, got ${off}`);
  }
  if (!(Number.isInteger(imm) && imm >= -0x8000_0000 && imm <= 0xffff_ffff)) {
    throw new BuildError(`${row.name}: expected an immediate of 32 bits, got ${imm}`);
  }
  return {
    opcode: row.opcode,
    dst: typeof row.dst === "number" ? row.dst : dst,
    src: typeof row.src === "number" ? row.src : src,
    off: typeof row.off === "number" ? row.off : off,
    imm: typeof row.imm === "number" ? row.imm : imm | 0,
  };
}
