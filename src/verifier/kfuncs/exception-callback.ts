import { BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import { declTagValue } from "../btf-fields/type-names.ts";
import type { Environment } from "../environment/environment.ts";

const GLOBAL_LINKAGE = 1;

/**
 * Where the function begins that gets what bpf_throw throws, as a tag on the entry function names it
 * (`bpf_find_exception_callback_insn_off`).
 *
 * @returns 0 where none is named
 */
export function findExceptionCallbackInsnOff(env: Environment): number {
  const { debug } = env;
  // Programs throw since 6.7.
  if (debug === null || debug.functions.length === 0 || env.release === "6.1") return 0;
  const { btf, functions } = debug;
  const main = functions[0]!.typeId;
  if (!btf.has(main)) env.refuse(Errno.EINVAL, "invalid btf id for main subprog in func_info");
  const tag = declTagValue(btf, main, -1, "exception_callback:");
  if (!("value" in tag)) {
    if (tag.problem === "none") return 0;
    env.refuse(Errno.EEXIST, "multiple exception callback tags for main subprog");
  }
  const name = tag.value;
  const id = btf.findByName(name, BtfKind.FUNC);
  if (id === 0) env.refuse(Errno.ENOENT, `exception callback '${name}' could not be found in BTF`);
  if (btf.vlen(id) !== GLOBAL_LINKAGE) {
    env.refuse(Errno.EINVAL, `exception callback '${name}' must have global linkage`);
  }
  let slot = 0;
  for (const record of functions) {
    if (record.typeId !== id) continue;
    slot = record.slot;
    if (slot === 0) env.log.write("invalid exception callback insn_off in func_info: 0\n");
  }
  if (slot === 0) env.refuse(Errno.EINVAL, "exception callback type id not found in func_info");
  return slot;
}
