import { type Btf, BtfKind } from "../../btf/index.ts";
import { DESTRUCTORS } from "../../platform/index.ts";

/** The function that gives a reference to such a kernel struct back, by name; null where this kernel has none (`btf_find_dtor_kfunc`). */
export function destructorOf(btf: Btf, btfId: number): string | null {
  const name = DESTRUCTORS.get(btf.name(btfId));
  return name !== undefined && btf.findByName(name, BtfKind.FUNC) !== 0 ? name : null;
}
