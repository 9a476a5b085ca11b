import { type Btf, BtfKind } from "../../btf/index.ts";

/** The lowest id of a type of that name and kind, a base's first; 0 for none. The empty name is a name here (`btf_find_by_name_kind`). */
export function findByNameKind(btf: Btf, name: string, kind: BtfKind): number {
  if (name !== "") return btf.findByName(name, kind);
  for (let id = 1; id < btf.count; id++) {
    if (btf.kind(id) === kind && btf.nameOffset(id) === 0) return id;
  }
  return 0;
}

/**
 * What follows `key` in a declaration's tag, on the type itself (`component` -1) or on a member (`btf_find_decl_tag_value`).
 *
 * @returns null where there is no such tag, `"several"` in `problem` where there are two
 */
export function declTagValue(
  btf: Btf,
  type: number,
  component: number,
  key: string,
): { readonly value: string } | { readonly problem: "none" | "several" } {
  let value: string | null = null;
  for (let id = 1; id < btf.count; id++) {
    if (btf.kind(id) !== BtfKind.DECL_TAG || btf.ref(id) !== type) continue;
    if ((btf.word(id, 3) | 0) !== component) continue;
    const tag = btf.name(id);
    if (!tag.startsWith(key)) continue;
    if (value !== null) return { problem: "several" };
    value = tag.slice(key.length);
  }
  return value === null ? { problem: "none" } : { value };
}
