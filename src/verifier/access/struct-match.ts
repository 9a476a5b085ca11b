import type { Btf } from "../../btf/index.ts";
import type { Environment } from "../environment/environment.ts";
import { btfTypesAreSame } from "./btf-owner.ts";
import { btfStructWalk, StructWalk, WalkResult } from "./struct-walk.ts";

/**
 * Whether a struct, or one that begins at `off` in it, is the needed one (`btf_struct_ids_match`). Walks that fail
 * leave their reason in the log.
 *
 * @param strict the struct itself has to be it
 */
export function btfStructIdsMatch(
  env: Environment,
  btf: Btf,
  btfId: number,
  off: number,
  needBtf: Btf,
  needTypeId: number,
  strict: boolean,
): boolean {
  if (off === 0 && btfTypesAreSame(btf, btfId, needBtf, needTypeId)) return true;
  if (strict || !btf.has(btfId)) return false;
  const result = new WalkResult();
  let struct = btfId;
  for (let at = off; ; at = 0) {
    if (btfStructWalk(env, btf, struct, at, 1, result) !== StructWalk.STRUCT) return false;
    struct = result.btfId;
    if (btfTypesAreSame(btf, struct, needBtf, needTypeId)) return true;
  }
}
