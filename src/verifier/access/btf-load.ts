import type { Btf } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { mayBeNull, RegType } from "../state/reg-type.ts";
import type { Register } from "../state/register.ts";

/**
 * A register gets what was found in a struct: a number, a pointer to a struct, or to other memory of the kernel
 * (`mark_btf_ld_reg`).
 *
 * @param regType `SCALAR_VALUE`, `PTR_TO_BTF_ID` or `PTR_TO_MEM`
 */
export function markBtfLdReg(
  env: Environment,
  reg: Register,
  regType: number,
  btf: Btf,
  btfId: number,
  flags: number,
): void {
  switch (regType) {
    case RegType.SCALAR_VALUE:
      reg.markUnknown(env.unknownIsPrecise);
      return;
    case RegType.PTR_TO_BTF_ID:
      reg.markKnownZero();
      reg.type = RegType.PTR_TO_BTF_ID | flags;
      reg.btf = btf;
      reg.btfId = btfId;
      if (mayBeNull(flags)) reg.id = ++env.idGen;
      return;
    case RegType.PTR_TO_MEM:
      reg.markKnownZero();
      reg.type = RegType.PTR_TO_MEM | flags;
      return;
    default:
      env.refuse(Errno.EFAULT, `verifier bug: unexpected reg_type ${regType} in mark_btf_ld_reg\n`);
  }
}
