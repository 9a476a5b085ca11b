import {
  AUXILIARY_REGISTER,
  type Insn,
  insnOf,
  lookup,
  type ProgramBuilder,
  REGISTERS,
  type Register,
  rowNamed,
  type SizeName,
} from "../../isa/index.ts";
import type { KernelLayout } from "../kernel-layout.ts";

/** What a rewrite needs to know about the program besides the access. */
export interface RewriteOptions {
  readonly layout: KernelLayout;
  /** The program reads `__sk_buff.tstamp_type`, and so knows what a time stamp is (`prog->tstamp_type_access`). */
  readonly readsTimestampType: boolean;
}

/** An access to rewrite. */
export interface RewriteSite {
  /** A load or store through the context pointer. */
  readonly insn: Insn;
  readonly write: boolean;
  readonly size: 1 | 2 | 4 | 8;
  /** Bits of a sign-extending load; else 0. */
  readonly extend: 0 | 8 | 16 | 32;
  /** From the start of the field, in bytes. */
  readonly distance: number;
}

/** A sequence in the making: the registers of the access and a builder. */
export interface Emission extends RewriteOptions {
  readonly builder: ProgramBuilder;
  /** The access as it is made to the kernel's object: a narrow read is widened to its field's size. */
  readonly site: RewriteSite;
  /** Linux's `ctx_field_size`. */
  readonly fieldSize: 0 | 2 | 4 | 8;
  /** The register that is written by a load; of a store, the one that holds the context. */
  readonly dst: Register;
  /** The register that holds the context in a load; of a store, the value's (r0 where it is an immediate). */
  readonly src: Register;
}

/** Linux's auxiliary register: free between any two instructions of a program. */
export const ax: Register = { number: AUXILIARY_REGISTER, name: "r11" };

const SIZE_NAMES: { readonly [size: number]: SizeName } = { 1: "b", 2: "h", 4: "w", 8: "dw" };

export function sizeName(size: number): SizeName {
  return SIZE_NAMES[size]!;
}

/** A sum of offsets, as {@link FieldRewrite} writes it; 0 for an empty one. */
export function pathOffset(layout: KernelLayout, path: string): number {
  if (path === "") return 0;
  let offset = 0;
  for (const part of path.split("+")) offset += layout.offset(part);
  return offset;
}

/** The size of the member that a path ends in. */
export function pathSize(layout: KernelLayout, path: string): number {
  return layout.field(path.slice(path.lastIndexOf("+") + 1)).size;
}

/** A register that an access does not use, of those that programs keep: r9, r8 or r7. */
export function borrowed(used: readonly Register[]): Register {
  let number = 9;
  while (used.some((register) => register.number === number)) number--;
  return REGISTERS[number]!;
}

/** Whether a store's value is an immediate. */
export function storesImmediate(insn: Insn): boolean {
  return lookup(insn)?.source === "imm";
}

/**
 * Stores what the program's own instruction stores, with another size and offset: `BPF_EMIT_STORE`.
 *
 * @param base the register with the address; the one of the program's instruction where it is absent.
 */
export function emitStore(
  { builder, site }: Emission,
  size: SizeName,
  offset: number,
  base?: Register,
): void {
  const { insn } = site;
  const row = rowNamed(`${storesImmediate(insn) ? "st" : "stx"}_${size}`);
  builder.raw(insnOf(row, base?.number ?? insn.dst, insn.src, offset, insn.imm));
}
