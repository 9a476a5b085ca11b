import { type Btf, BtfKind } from "../../btf/index.ts";

/** Texts of the declaration tags on a component of a type (-1: the type itself), in the order of their ids. */
export function declTags(btf: Btf, id: number, component: number): readonly string[] {
  const tags: string[] = [];
  for (let tag = btf.firstId; tag < btf.count; tag++) {
    if (btf.kind(tag) !== BtfKind.DECL_TAG || btf.ref(tag) !== id) continue;
    const type = btf.type(tag);
    if (type.kind === "DECL_TAG" && type.component === component) tags.push(type.name);
  }
  return tags;
}
