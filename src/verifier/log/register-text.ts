import {
  type Bounds,
  isConstant,
  S32_MAX,
  S32_MIN,
  S64_MAX,
  S64_MIN,
  U32_MAX,
  U64_MAX,
} from "../ranges/bounds.ts";
import type { Frame } from "../state/frame.ts";
import { baseType, isNonOwningReference, isPacketPointer, RegType } from "../state/reg-type.ts";
import { ADD_CONST, ID_MASK, type Register } from "../state/register.ts";
import { isSignedDecimal, signedText, tnumText, unsignedText } from "./number-text.ts";
import { dynptrTypeStr, regTypeStr } from "./reg-type-text.ts";

interface Limit {
  readonly name: string;
  readonly signed: boolean;
  /** As 64 bits, signed: how the kernel compares what it merges. */
  readonly value: bigint;
  /** Says nothing, or is said already. */
  omit: boolean;
}

function limit(name: string, value: bigint, omit: boolean): Limit {
  return { name, signed: name.startsWith("s"), value: BigInt.asIntN(64, value), omit };
}

/** A signed 32-bit limit: sign-extended where it will be written in decimal, else by its 32 bits. */
function limit32(name: string, value: number, omit: boolean): Limit {
  const wide = BigInt(value);
  return limit(name, isSignedDecimal(wide) ? wide : BigInt.asUintN(32, wide), omit);
}

/** `smin=smin32=0,smax=umax=255`: limits that say something, equal ones of one side together. */
function ranges(bounds: Bounds): string[] {
  const limits = [
    limit("smin", bounds.smin, bounds.smin === S64_MIN),
    limit("smax", bounds.smax, bounds.smax === S64_MAX),
    limit("umin", bounds.umin, bounds.umin === 0n),
    limit("umax", bounds.umax, bounds.umax === U64_MAX),
    limit32("smin32", bounds.s32min, bounds.s32min === S32_MIN),
    limit32("smax32", bounds.s32max, bounds.s32max === S32_MAX),
    limit("umin32", BigInt(bounds.u32min), bounds.u32min === 0),
    limit("umax32", BigInt(bounds.u32max), bounds.u32max === U32_MAX),
  ];
  const texts: string[] = [];
  limits.forEach((one, i) => {
    if (one.omit) return;
    let names = `${one.name}=`;
    const negative = one.signed && one.value < 0n;
    // Minima stand at even places, maxima at odd ones.
    for (let j = i + 2; j < limits.length; j += 2) {
      const other = limits[j]!;
      if (other.omit || other.value !== one.value) continue;
      if ((other.signed && other.value < 0n) !== negative) continue;
      other.omit = true;
      names += `${other.name}=`;
    }
    texts.push(names + (one.signed ? signedText(one.value) : unsignedText(BigInt.asUintN(64, one.value))));
  });
  return texts;
}

function isMapPointer(type: number): boolean {
  const base = baseType(type);
  return (
    base === RegType.CONST_PTR_TO_MAP || base === RegType.PTR_TO_MAP_KEY || base === RegType.PTR_TO_MAP_VALUE
  );
}

/** What is known of a register, in a frame: `P5`, `fp-8`, `map_value(map=m,ks=4,vs=8)` (`print_reg_state`). */
export function registerText(reg: Register, frame: Frame): string {
  const { type, bounds } = reg;
  const isScalar = type === RegType.SCALAR_VALUE;
  let text = isScalar && reg.precise ? "P" : "";
  if (isScalar && isConstant(bounds)) return text + signedText(BigInt.asIntN(64, bounds.value));
  text += regTypeStr(type);
  if (type === RegType.PTR_TO_ARENA) return text;
  if (type === RegType.PTR_TO_STACK) {
    if (frame.frameno !== reg.frameno) text += `[${reg.frameno}]`;
    if (isConstant(bounds)) {
      return text + signedText(BigInt.asIntN(64, bounds.value + BigInt(reg.off)));
    }
  }
  if (baseType(type) === RegType.PTR_TO_BTF_ID) text += reg.btf === null ? "" : reg.btf.name(reg.btfId);
  return `${text}(${attributes(reg)})`;
}

function attributes(reg: Register): string {
  const { type, bounds } = reg;
  const parts: string[] = [];
  let linked = "";
  if (reg.id !== 0) parts.push(`id=${reg.id & ID_MASK}`);
  if ((reg.id & ADD_CONST) !== 0) linked = reg.off < 0 ? `${reg.off}` : `+${reg.off}`;
  if (parts.length > 0) parts[0] += linked;
  if (reg.refObjId !== 0) parts.push(`ref_obj_id=${reg.refObjId}`);
  if (isNonOwningReference(type)) parts.push("non_own_ref");
  if (isMapPointer(type) && reg.map !== null) {
    if (reg.map.name !== "") parts.push(`map=${reg.map.name}`);
    parts.push(`ks=${reg.map.keySize},vs=${reg.map.valueSize}`);
  }
  if (type !== RegType.SCALAR_VALUE && reg.off !== 0) parts.push(`off=${signedText(BigInt(reg.off))}`);
  if (isPacketPointer(type)) parts.push(`r=${unsignedText(BigInt.asUintN(64, BigInt(reg.range)))}`);
  if (baseType(type) === RegType.PTR_TO_MEM) parts.push(`sz=${unsignedText(BigInt(reg.memSize))}`);
  if (type === RegType.CONST_PTR_TO_DYNPTR) parts.push(`type=${dynptrTypeStr(reg.dynptrType)}`);
  if (isConstant(bounds)) {
    if (bounds.value !== 0n) parts.push(`imm=${signedText(BigInt.asIntN(64, bounds.value))}`);
  } else {
    parts.push(...ranges(bounds));
    if (bounds.value !== 0n || bounds.mask !== U64_MAX) {
      parts.push(`var_off=${tnumText(bounds.value, bounds.mask)}`);
    }
  }
  return parts.join(",");
}
