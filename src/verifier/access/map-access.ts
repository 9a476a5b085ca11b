import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import { fieldTypeName } from "../btf-fields/field-type.ts";
import type { Environment } from "../environment/environment.ts";
import { type BtfField, type BtfRecord, FieldType, KPTR_MASK } from "../environment/record.ts";
import { isConstant } from "../ranges/bounds.ts";
import type { Register } from "../state/register.ts";
import type { AccessSource, AccessType } from "./access-type.ts";
import { checkMemRegionAccess } from "./memory-region.ts";

/** Refuses what the map's flags forbid programs (`check_map_access_type`). */
export function checkMapAccessType(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  type: AccessType,
): void {
  const map = env.reg(regno).map!;
  if (type === "write" && (map.flags & BpfMapFlag.RDONLY_PROG) !== 0) {
    env.refuse(Errno.EACCES, `write into map forbidden, value_size=${map.valueSize} off=${off} size=${size}`);
  }
  if (type === "read" && (map.flags & BpfMapFlag.WRONLY_PROG) !== 0) {
    env.refuse(Errno.EACCES, `read from map forbidden, value_size=${map.valueSize} off=${off} size=${size}`);
  }
}

/**
 * An access to a map's value: inside it, and not to what only the kernel may touch (`check_map_access`). Pointers to
 * objects are left to `checkMapKptrAccess`.
 */
export function checkMapAccess(
  env: Environment,
  regno: number,
  off: number,
  size: number,
  zeroSizeAllowed: boolean,
  source: AccessSource,
): void {
  const reg = env.reg(regno);
  const map = reg.map!;
  checkMemRegionAccess(env, regno, off, size, map.valueSize, zeroSizeAllowed);
  if (map.record === null) return;
  // Bounds are checked: these are small.
  const start = Number(reg.bounds.smin) + off;
  const end = Number(reg.bounds.umax) + off + size;
  for (const field of map.record.fields) {
    if (start < field.offset + field.size && field.offset < end) {
      checkFieldAccess(env, reg, field, off, size, source);
    }
  }
}

function checkFieldAccess(
  env: Environment,
  reg: Register,
  field: BtfField,
  off: number,
  size: number,
  source: AccessSource,
): void {
  const name = fieldTypeName(field.type);
  if ((field.type & (KPTR_MASK | FieldType.UPTR)) === 0) {
    env.refuse(Errno.EACCES, `${name} cannot be accessed directly by load/store`);
  }
  if (source !== "direct") env.refuse(Errno.EACCES, `${name} cannot be accessed indirectly by helper`);
  if (!isConstant(reg.bounds)) env.refuse(Errno.EACCES, `${name} access cannot have variable offset`);
  const at = BigInt.asUintN(64, BigInt(off) + reg.bounds.value);
  if (BigInt(field.offset) !== at) {
    env.refuse(Errno.EACCES, `${name} access misaligned expected=${field.offset} off=${at}`);
  }
  if (size !== 8) env.refuse(Errno.EACCES, `${name} access size must be BPF_DW`);
}

/** The field of one of `types` that begins at `offset` (`btf_record_find`). */
export function btfRecordFind(record: BtfRecord | null, offset: number, types: number): BtfField | null {
  if (record === null || (record.mask & types) === 0) return null;
  const field = record.fields.find((one) => one.offset === offset);
  return field !== undefined && (field.type & types) !== 0 ? field : null;
}
