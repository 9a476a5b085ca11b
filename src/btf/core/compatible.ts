import type { Btf } from "../model.ts";
import { typesCompatible } from "./compat.ts";
import { Budget, CoreSide } from "./types.ts";

/**
 * True where a type of an object may stand for one of the kernel (`bpf_core_types_are_compat`): what a loader asks of
 * the externs it finds by name. Names below the root, members and integer sizes do not count.
 */
export function typesAreCompatible(local: Btf, localId: number, target: Btf, targetId: number): boolean {
  return typesCompatible(new CoreSide(local), localId, new CoreSide(target), targetId, new Budget());
}
