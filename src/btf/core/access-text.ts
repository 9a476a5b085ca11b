import type { Btf } from "../model.ts";
import { CoreError } from "./error.ts";
import { essentialName } from "./names.ts";
import { type CoreAccess, parseSpec, pathOf } from "./spec.ts";
import { CoreSide } from "./types.ts";

/** What a relocation asks for, in C: `struct task_struct.group.pid`, flavours left out; the type alone where its path is none. */
export function accessText(local: Btf, access: CoreAccess): string {
  const side = new CoreSide(local);
  if (!local.has(access.typeId)) return "a type";
  const type = essentialName(side.describe(access.typeId));
  try {
    return `${type}${pathOf(parseSpec(side, access))}`;
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    return type;
  }
}
