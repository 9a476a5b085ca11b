import { type Btf, BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import { btfStructIdsMatch } from "../access/struct-match.ts";
import { isRcuReg, kernelStructOf } from "../access/trust.ts";
import type { Environment } from "../environment/environment.ts";
import { regTypeStr } from "../log/reg-type-text.ts";
import { baseType, hasUnsafeModifiers, RegType, TypeFlag, typeFlags } from "../state/reg-type.ts";
import { isProjectionOf } from "../types/program-context.ts";
import { skipModifiers, typeName } from "../types/walk.ts";
import { typeText } from "./argument-kind.ts";
import type { KfuncCall } from "./kfunc-meta.ts";

const TRUSTED_MODIFIERS = TypeFlag.MEM_ALLOC | TypeFlag.PTR_TRUSTED | TypeFlag.NON_OWN_REF;

/** Checks an argument that is a kernel struct: `want` in `wantBtf`. */
export function checkStructArgument(
  env: Environment,
  meta: KfuncCall,
  argno: number,
  wantBtf: Btf,
  want: number,
): void {
  const reg = env.reg(argno + 1);
  const base = baseType(reg.type);
  const usable = base === RegType.PTR_TO_BTF_ID && (!hasUnsafeModifiers(reg.type) || isRcuReg(reg));
  if (!usable && kernelStructOf(base) === null) {
    env.log.write(`arg#${argno} is ${regTypeStr(reg.type)} `);
    env.refuse(
      Errno.EINVAL,
      `expected ${regTypeStr(base | (typeFlags(reg.type) & TRUSTED_MODIFIERS))} or socket`,
    );
  }
  processKfArgPtrToBtfId(env, meta, argno, wantBtf, want);
}

/** The register's struct is the one wanted, or begins with it (`process_kf_arg_ptr_to_btf_id`). */
function processKfArgPtrToBtfId(
  env: Environment,
  meta: KfuncCall,
  argno: number,
  wantBtf: Btf,
  want: number,
): void {
  const reg = env.reg(argno + 1);
  const vmlinux = env.request.kernel.btf!;
  const base = baseType(reg.type);
  const ofReg = base === RegType.PTR_TO_BTF_ID;
  const btf = ofReg ? reg.btf! : vmlinux;
  const declared = ofReg ? reg.btfId : vmlinux.findByName(kernelStructOf(base)!, BtfKind.STRUCT);
  const strict =
    (meta.releases && reg.refObjId !== 0) || isNocastAlias(typeName(btf, declared), typeName(meta.btf, want));
  const has = skipModifiers(btf, declared);
  const same = btfStructIdsMatch(env, btf, has, reg.off, meta.btf, want, strict);
  if (same || isProjectionOf(typeName(wantBtf, want), typeName(btf, has))) return;
  env.refuse(
    Errno.EINVAL,
    `kernel function ${meta.name} args#${argno} expected pointer to ${typeText(wantBtf, want)} but R${argno + 1} has a pointer to ${typeText(btf, has)}`,
  );
}

const ALIAS_SUFFIX = "___init";

/** One name is the other with `___init` behind it: a type that must not be passed for the other (`btf_type_ids_nocast_alias`). */
function isNocastAlias(a: string, b: string): boolean {
  return a === b + ALIAS_SUFFIX || b === a + ALIAS_SUFFIX;
}
