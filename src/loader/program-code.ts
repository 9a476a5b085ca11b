import { CallKind, type Insn, rowNamed, WideKind, wideSlots } from "../isa/index.ts";
import type { ExternSpec, ProgramSpec, Reference } from "../object/index.ts";
import type { KsymValue } from "./ksyms.ts";

/** What references of programs become. */
export interface ReferenceValues {
  /** Descriptors by the maps' keys; maps that were not created are missing. */
  readonly maps: ReadonlyMap<string, number>;
  /** The keys of all maps in order: poison says which one is missing. */
  readonly mapKeys: readonly string[];
  readonly externs: readonly ExternSpec[];
  readonly ksyms: ReadonlyMap<number, KsymValue>;
  /** Descriptor of the `.kconfig` map. */
  readonly kconfig: number | undefined;
}

/** A program's code as it is loaded, with the descriptors of module BTFs that its kfunc calls count on. */
export interface ProgramCode {
  readonly insns: Insn[];
  /** The first entry is unused, as the kernel wants it; empty where no module is called. */
  readonly fdArray: readonly number[];
}

/** Helper ids that say in a verifier's log what was not there (`POISON_LDIMM64_MAP_BASE`, `POISON_CALL_KFUNC_BASE`). */
const POISON_MAP = 2_001_000_000;
const POISON_KFUNC = 2_002_000_000;

/** Puts descriptors, addresses and type ids in the place of references (`bpf_object__relocate_data`). */
export function resolveReferences(
  program: ProgramSpec,
  relocated: readonly Insn[],
  values: ReferenceValues,
): ProgramCode {
  const insns = [...relocated];
  const fdArray: number[] = [];
  for (const reference of program.references) {
    const { slot } = reference;
    const insn = insns[slot]!;
    const slots = resolve(reference, insn, values, fdArray);
    for (const [i, changed] of slots.entries()) insns[slot + i] = changed;
  }
  return { insns, fdArray };
}

function resolve(
  reference: Reference,
  insn: Insn,
  values: ReferenceValues,
  fdArray: number[],
): readonly Insn[] {
  switch (reference.kind) {
    case "function":
      return [];
    case "map":
    case "mapValue": {
      const fd = values.maps.get(reference.map);
      if (fd === undefined) {
        const poison = poisoned(POISON_MAP + Math.max(0, values.mapKeys.indexOf(reference.map)));
        return [poison, poison];
      }
      return reference.kind === "map"
        ? wideOf(insn, WideKind.mapFd, fd, 0)
        : wideOf(insn, WideKind.mapValue, fd, reference.offset);
    }
    case "extern":
      return externOf(reference.extern, insn, values, fdArray);
  }
}

function externOf(index: number, insn: Insn, values: ReferenceValues, fdArray: number[]): readonly Insn[] {
  const extern = values.externs[index]!;
  if (extern.kind === "kconfig") return wideOf(insn, WideKind.mapValue, values.kconfig ?? 0, extern.offset);
  const value = values.ksyms.get(index)!;
  if (insn.opcode === rowNamed("call_kfunc").opcode) {
    if (value.kind !== "type") return [poisoned(POISON_KFUNC + index)];
    const { module } = value.type;
    const off = module === null ? 0 : moduleIndex(module.fd, fdArray);
    return [{ ...insn, src: CallKind.kfunc, off, imm: value.type.id }];
  }
  if (value.kind === "type") return wideOf(insn, WideKind.btfId, value.type.id, value.type.module?.fd ?? 0);
  return wideSlots(insn.dst, WideKind.imm, value.kind === "address" ? value.address : 0n);
}

/** The index of a module's BTF in the load's descriptors; index 0 means the kernel itself. */
function moduleIndex(fd: number, fdArray: number[]): number {
  const known = fdArray.indexOf(fd, 1);
  if (known > 0) return known;
  if (fdArray.length === 0) fdArray.push(0);
  return fdArray.push(fd) - 1;
}

function wideOf(insn: Insn, kind: WideKind, low: number, high: number): readonly Insn[] {
  return wideSlots(insn.dst, kind, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

function poisoned(helper: number): Insn {
  return { opcode: rowNamed("call_helper").opcode, dst: 0, src: 0, off: 0, imm: helper };
}
