import { type Btf, BtfKind } from "../../btf/index.ts";
import { DESTRUCTORS } from "../../platform/index.ts";

/** The function that gives a reference to such a kernel struct back, by name; null where this kernel has none (`btf_find_dtor_kfunc`). */
export function destructorOf(btf: Btf, btfId: number): string | null {
  const names = DESTRUCTORS.get(btf.name(btfId)) ?? [];
  return names.find((name) => btf.findByName(name, BtfKind.FUNC) !== 0) ?? null;
}
