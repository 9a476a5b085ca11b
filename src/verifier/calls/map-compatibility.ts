import { mapHelperVerdict } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { VerifierMap } from "../environment/map.ts";
import { funcIdName } from "./helper-kinds.ts";
import { programTraits } from "./helper-signature.ts";

/** Refuses a map of a type that the helper does not take (`check_map_func_compatibility`). */
export function checkMapFuncCompatibility(env: Environment, map: VerifierMap | null, funcId: number): void {
  if (map === null) return;
  const verdict = mapHelperVerdict(map.type, funcId, programTraits(env));
  if (verdict === "yes") return;
  if (verdict === "noUpdate") env.log.write("cannot update sockmap in this context\n");
  env.refuse(Errno.EINVAL, `cannot pass map_type ${map.type} into func ${funcIdName(funcId)}#${funcId}`);
}
