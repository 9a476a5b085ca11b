import { type Btf, BtfKind, resolveType } from "../../btf/index.ts";
import type { Insn } from "../../isa/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { KernelVariable } from "../environment/insn-aux.ts";
import { RegType, TypeFlag } from "../state/reg-type.ts";
import { addUsedBtf } from "./used-files.ts";

const READ_ONLY = RegType.PTR_TO_MEM | TypeFlag.MEM_RDONLY;

/** The variable or function of the kernel that a BPF_PSEUDO_BTF_ID load names (`check_pseudo_btf_id`). */
export function kernelVariable(env: Environment, insn: Insn, moduleFd: number): KernelVariable {
  const btf = typesOf(env, moduleFd);
  const variable = describe(env, btf, insn.imm);
  addUsedBtf(env, btf);
  return variable;
}

function typesOf(env: Environment, moduleFd: number): Btf {
  if (moduleFd !== 0) {
    const file = env.request.files.file(moduleFd);
    if (file?.kind !== "btf") return env.refuse(Errno.EINVAL, "invalid module BTF object FD specified.");
    return file.btf;
  }
  return (
    env.request.kernel.btf ??
    env.refuse(
      Errno.EINVAL,
      "kernel is missing BTF, make sure CONFIG_DEBUG_INFO_BTF=y is specified in Kconfig.",
    )
  );
}

function describe(env: Environment, btf: Btf, id: number): KernelVariable {
  if (!btf.has(id)) env.refuse(Errno.ENOENT, `ldimm64 insn specifies invalid btf_id ${id}.`);
  const kind = btf.kind(id);
  if (kind !== BtfKind.VAR && kind !== BtfKind.FUNC) {
    env.refuse(Errno.EINVAL, `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`);
  }
  const name = btf.name(id);
  const address =
    env.request.kernel.symbolAddress(name) ??
    env.refuse(Errno.ENOENT, `ldimm64 failed to find the address for kernel symbol '${name}'.`);
  const known = { address, btf: null, btfId: 0, memSize: 0 };
  if (kind === BtfKind.FUNC) return { ...known, regType: READ_ONLY };
  const type = btf.ref(id);
  if (isPerCpu(btf, id)) {
    return { ...known, regType: RegType.PTR_TO_BTF_ID | TypeFlag.MEM_PERCPU, btf, btfId: type };
  }
  const bare = resolveType(btf, type);
  if (btf.kind(bare) === BtfKind.STRUCT || btf.kind(bare) === BtfKind.UNION) {
    return { ...known, regType: RegType.PTR_TO_BTF_ID, btf, btfId: type };
  }
  const size = btf.sizeOf(bare);
  if (size < 0) {
    env.refuse(
      Errno.EINVAL,
      `ldimm64 unable to resolve the size of type '${btf.name(bare)}': ${-Errno.EINVAL}`,
    );
  }
  return { ...known, regType: READ_ONLY, memSize: size };
}

/** Whether a variable stands in the section of per-CPU data. */
function isPerCpu(btf: Btf, variable: number): boolean {
  for (const id of btf.findAllByName(".data..percpu")) {
    if (id < btf.firstId || btf.kind(id) !== BtfKind.DATASEC) continue;
    const type = btf.type(id);
    return type.kind === "DATASEC" && type.variables.some((entry) => entry.type === variable);
  }
  return false;
}
