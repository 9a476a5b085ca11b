import { Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { FieldType, hasField } from "../environment/record.ts";
import type { Register } from "../state/register.ts";
import type { KfuncCall } from "./kfunc-meta.ts";
import { isTaskWorkAddKfunc } from "./special.ts";

/** What belongs to the register's type begins with something: the kernel's `map_ptr`, whichever member of its union is meant. */
function hasTarget(reg: Register): boolean {
  return (
    reg.map !== null ||
    reg.btf !== null ||
    reg.range !== 0 ||
    reg.memSize !== 0 ||
    reg.dynptrId !== 0 ||
    reg.dynptrType !== 0 ||
    reg.subprogno !== 0
  );
}

/** Checks that an argument is the map that the work queue or task work before it lies in. */
export function checkMapArgument(env: Environment, reg: Register, regno: number, meta: KfuncCall): void {
  if (!hasTarget(reg)) env.refuse(Errno.EINVAL, `pointer in R${regno} isn't map pointer`);
  const { map } = reg;
  const taskWork = map !== null && hasField(map.record, FieldType.TASK_WORK);
  const workqueue = map !== null && hasField(map.record, FieldType.WORKQUEUE);
  // Linux 6.18.44 follows a null pointer where the map has no special fields at all.
  const plain = map !== null && map.record === null;
  if (meta.map !== null && (taskWork || workqueue || plain)) {
    // The number tells maps apart that were looked up in the same outer map.
    if (meta.map !== map || meta.mapUid !== reg.mapUid) {
      env.refuse(
        Errno.EINVAL,
        taskWork || (plain && isTaskWorkAddKfunc(meta.special))
          ? `bpf_task_work pointer in R2 map_uid=${meta.mapUid} doesn't match map pointer in R3 map_uid=${reg.mapUid}`
          : `workqueue pointer in R1 map_uid=${meta.mapUid} doesn't match map pointer in R2 map_uid=${reg.mapUid}`,
      );
    }
  }
  meta.map = map;
  meta.mapUid = reg.mapUid;
}
