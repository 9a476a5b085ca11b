import { type Btf, BtfKind } from "../../btf/index.ts";

/** Kernel structs of which a map may own a reference, and the functions that give it back (`register_btf_id_dtor_kfuncs`). */
const DESTRUCTORS: ReadonlyMap<string, string> = new Map([
  ["task_struct", "bpf_task_release_dtor"],
  ["cgroup", "bpf_cgroup_release_dtor"],
  ["bpf_cpumask", "bpf_cpumask_release_dtor"],
  ["bpf_crypto_ctx", "bpf_crypto_ctx_release"],
  ["prog_test_ref_kfunc", "bpf_kfunc_call_test_release_dtor"],
  ["prog_test_member", "bpf_kfunc_call_memb_release_dtor"],
]);

/** The function that gives a reference to such a kernel struct back, by name; null where this kernel has none (`btf_find_dtor_kfunc`). */
export function destructorOf(btf: Btf, btfId: number): string | null {
  const name = DESTRUCTORS.get(btf.name(btfId));
  return name !== undefined && btf.findByName(name, BtfKind.FUNC) !== 0 ? name : null;
}
