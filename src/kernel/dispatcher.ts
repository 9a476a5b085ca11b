import { BpfCmd, Errno } from "../uapi/index.ts";
import { Attr } from "./attr.ts";
import { progBindMap } from "./commands/bind-map.ts";
import { btfLoad } from "./commands/btf-load.ts";
import { btfGetFdById, getNextId, linkGetFdById, mapGetFdById, progGetFdById } from "./commands/ids.ts";
import { objGetInfoByFd } from "./commands/info.ts";
import { linkCreate } from "./commands/link-create.ts";
import { enableStats, iterCreate, linkDetach, linkUpdate, taskFdQuery } from "./commands/links.ts";
import { mapBatch } from "./commands/map-batch.ts";
import { mapCreate } from "./commands/map-create.ts";
import {
  mapDeleteElem,
  mapFreeze,
  mapGetNextKey,
  mapLookupAndDeleteElem,
  mapLookupElem,
  mapUpdateElem,
} from "./commands/map-elements.ts";
import { objGet, objPin } from "./commands/pin.ts";
import { progAttach, progDetach } from "./commands/prog-attach.ts";
import { progLoad } from "./commands/prog-load.ts";
import { progQuery } from "./commands/prog-query.ts";
import { rawTracepointOpen } from "./commands/raw-tracepoint-open.ts";
import { progTestRun } from "./commands/test-run.ts";
import type { Process } from "./process.ts";
import { Refusal } from "./refusal.ts";

type Handler = (process: Process, attr: Attr) => number;

/** `__sys_bpf`: a handler for each command; EINVAL for those that this kernel does not have. */
const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [BpfCmd.MAP_CREATE, mapCreate],
  [BpfCmd.MAP_LOOKUP_ELEM, mapLookupElem],
  [BpfCmd.MAP_UPDATE_ELEM, mapUpdateElem],
  [BpfCmd.MAP_DELETE_ELEM, mapDeleteElem],
  [BpfCmd.MAP_GET_NEXT_KEY, mapGetNextKey],
  [BpfCmd.MAP_LOOKUP_AND_DELETE_ELEM, mapLookupAndDeleteElem],
  [BpfCmd.MAP_FREEZE, mapFreeze],
  [BpfCmd.MAP_LOOKUP_BATCH, mapBatch("MAP_LOOKUP_BATCH")],
  [BpfCmd.MAP_LOOKUP_AND_DELETE_BATCH, mapBatch("MAP_LOOKUP_AND_DELETE_BATCH")],
  [BpfCmd.MAP_UPDATE_BATCH, mapBatch("MAP_UPDATE_BATCH")],
  [BpfCmd.MAP_DELETE_BATCH, mapBatch("MAP_DELETE_BATCH")],
  [BpfCmd.PROG_LOAD, progLoad],
  [BpfCmd.PROG_TEST_RUN, progTestRun],
  [BpfCmd.PROG_BIND_MAP, progBindMap],
  [BpfCmd.BTF_LOAD, btfLoad],
  [BpfCmd.PROG_GET_NEXT_ID, getNextId("PROG_GET_NEXT_ID", (process) => process.machine.programs)],
  [BpfCmd.MAP_GET_NEXT_ID, getNextId("MAP_GET_NEXT_ID", (process) => process.machine.maps)],
  [BpfCmd.BTF_GET_NEXT_ID, getNextId("BTF_GET_NEXT_ID", (process) => process.machine.btfs)],
  [BpfCmd.LINK_GET_NEXT_ID, getNextId("LINK_GET_NEXT_ID", (process) => process.machine.links)],
  [BpfCmd.PROG_GET_FD_BY_ID, progGetFdById],
  [BpfCmd.MAP_GET_FD_BY_ID, mapGetFdById],
  [BpfCmd.BTF_GET_FD_BY_ID, btfGetFdById],
  [BpfCmd.LINK_GET_FD_BY_ID, linkGetFdById],
  [BpfCmd.OBJ_GET_INFO_BY_FD, objGetInfoByFd],
  [BpfCmd.OBJ_PIN, objPin],
  [BpfCmd.OBJ_GET, objGet],
  [BpfCmd.PROG_ATTACH, progAttach],
  [BpfCmd.PROG_DETACH, progDetach],
  [BpfCmd.PROG_QUERY, progQuery],
  [BpfCmd.RAW_TRACEPOINT_OPEN, rawTracepointOpen],
  [BpfCmd.LINK_CREATE, linkCreate],
  [BpfCmd.LINK_UPDATE, linkUpdate],
  [BpfCmd.LINK_DETACH, linkDetach],
  [BpfCmd.ITER_CREATE, iterCreate],
  [BpfCmd.ENABLE_STATS, enableStats],
  [BpfCmd.TASK_FD_QUERY, taskFdQuery],
]);

/** bpf(2). @returns a descriptor or 0, or a negative errno; anything thrown out of it is a bug of the kernel. */
export function dispatch(process: Process, command: number, attr: Uint8Array, size: number): number {
  const { machine } = process;
  try {
    machine.runDue();
    const handler = HANDLERS.get(command);
    const checkedAttr = new Attr(attr, size);
    return handler === undefined ? -Errno.EINVAL : handler(process, checkedAttr);
  } catch (error) {
    if (error instanceof Refusal) return -error.errno;
    throw error;
  } finally {
    machine.runDue();
    machine.quiesce();
  }
}
