import { Errno } from "../../uapi/index.ts";
import { fieldTypeName } from "../btf-fields/field-type.ts";
import { btfFindStructMeta } from "../btf-fields/reg-btf-record.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";
import { btfStructWalk, StructWalk, WalkResult } from "./struct-walk.ts";

/** What a load from a struct gives. */
export interface StructAccess {
  /** `SCALAR_VALUE`, `PTR_TO_BTF_ID` or `PTR_TO_MEM`. */
  readonly regType: number;
  /** Of a pointer: the struct that it points to, in the BTF of the register; else 0. */
  readonly btfId: number;
  /** Of a pointer: {@link TypeFlag}s. */
  readonly flags: number;
  /** Of a pointer: the member that it stands in. */
  readonly fieldName: string;
}

const SCALAR: StructAccess = { regType: RegType.SCALAR_VALUE, btfId: 0, flags: 0, fieldName: "" };
const UNTRUSTED_MEMORY: StructAccess = {
  regType: RegType.PTR_TO_MEM,
  btfId: 0,
  flags: TypeFlag.MEM_RDONLY | TypeFlag.PTR_UNTRUSTED,
  fieldName: "",
};

/**
 * An access of `size` bytes at `off` of the struct that a register points to (`btf_struct_access`).
 *
 * @throws Rejection where there is nothing that could be accessed like this
 */
export function btfStructAccess(
  env: Environment,
  reg: Pick<Register, "type" | "btf" | "btfId">,
  off: number,
  size: number,
): StructAccess {
  const btf = reg.btf!;
  const allocated = (reg.type & TypeFlag.MEM_ALLOC) !== 0;
  if (allocated) refuseSpecialFields(env, reg, off, size);
  const result = new WalkResult();
  let struct = reg.btfId;
  for (let at = off; ; at = 0) {
    switch (btfStructWalk(env, btf, struct, at, size, result)) {
      case StructWalk.POINTER:
        // What programs store in their own objects is no pointer when it is read again.
        if (allocated) return SCALAR;
        return {
          regType: RegType.PTR_TO_BTF_ID,
          btfId: result.btfId,
          flags: result.flags,
          fieldName: result.fieldName,
        };
      case StructWalk.UNTRUSTED_POINTER:
        // 6.1 takes it for a number.
        return env.release === "6.1" ? SCALAR : UNTRUSTED_MEMORY;
      case StructWalk.SCALAR:
        return SCALAR;
      case StructWalk.STRUCT:
        struct = result.btfId;
        break;
      case StructWalk.NO_ACCESS:
        throw new Rejection(Errno.EACCES, "");
      case StructWalk.NO_SIZE:
        throw new Rejection(Errno.EFAULT, "");
      default:
        throw new Rejection(Errno.EINVAL, "");
    }
  }
}

/** Only the kernel touches the special fields of what programs allocate. */
function refuseSpecialFields(
  env: Environment,
  reg: Pick<Register, "btf" | "btfId">,
  off: number,
  size: number,
): void {
  const meta = btfFindStructMeta(env, reg.btf!, reg.btfId);
  if (meta === null) return;
  for (const field of meta.record.fields) {
    if (off < field.offset + field.size && field.offset < off + size) {
      env.refuse(Errno.EACCES, `direct access to ${fieldTypeName(field.type)} is disallowed`);
    }
  }
}
