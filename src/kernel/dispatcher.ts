import { BtfKind } from "../btf/index.ts";
import type { SystemCalls } from "../helpers/index.ts";
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
import { progStreamRead } from "./commands/stream-read.ts";
import { progTestRun, testRunInParts } from "./commands/test-run.ts";
import type { Parts } from "./parts.ts";
import type { Process } from "./process.ts";
import { refusing } from "./refusal.ts";
import type { RunControl } from "./testrun/run.ts";

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
  [BpfCmd.PROG_STREAM_READ_BY_FD, progStreamRead],
]);

/** bpf(2). @returns a descriptor or 0, or a negative errno; anything thrown out of it is a bug of the kernel. */
export function dispatch(process: Process, command: number, attr: Uint8Array, size: number): number {
  const { machine } = process;
  try {
    return asCaller(process, () => {
      machine.runDue();
      return handle(process, command, attr, size);
    });
  } finally {
    machine.runDue();
    machine.quiesce();
  }
}

/**
 * BPF_PROG_TEST_RUN in parts, between which others have their turn: they may call the kernel, which runs no other program
 * as this CPU until the run is over.
 */
export function* dispatchTestRun(
  process: Process,
  attr: Uint8Array,
  size: number,
  control: RunControl,
): Parts<number> {
  const { machine } = process;
  if (machine.pausing) return -Errno.EBUSY;
  const checkedAttr = refusing(() => new Attr(attr, size));
  if (typeof checkedAttr === "number") return checkedAttr;
  machine.runDue();
  const parts = testRunInParts(process, checkedAttr, control);
  const next = () => asCaller(process, () => machine.asTask(process.task, () => parts.next()));
  try {
    for (;;) {
      machine.pausing = false;
      const part = refusing(next);
      if (typeof part === "number") return part;
      if (part.done === true) return part.value;
      machine.pausing = true;
      yield;
    }
  } finally {
    machine.pausing = false;
    // What a run that is given up has laid out is taken away.
    parts.return(0);
    machine.runDue();
    machine.quiesce();
  }
}

/** Does something in the name of a process. */
function asCaller<T>(process: Process, act: () => T): T {
  const { machine } = process;
  const outer = machine.systemCalls;
  process.systemCalls ??= systemCallsOf(process);
  machine.systemCalls = process.systemCalls;
  try {
    return act();
  } finally {
    machine.systemCalls = outer;
  }
}

function handle(process: Process, command: number, attr: Uint8Array, size: number): number {
  return refusing(() => {
    const handler = HANDLERS.get(command);
    const checkedAttr = new Attr(attr, size);
    return handler === undefined ? -Errno.EINVAL : handler(process, checkedAttr);
  });
}

/** System calls of programs that a process runs: in the midst of a run, so that nothing else may be due. */
function systemCallsOf(process: Process): SystemCalls {
  const { machine, files } = process;
  return {
    bpf: (command, offset, size) => {
      const attr = machine.memory.bytes().slice(offset, offset + size);
      const outer = process.fromProgram;
      process.fromProgram = true;
      try {
        const result = handle(process, command, attr, size);
        machine.memory.bytes().set(attr, offset);
        return result;
      } finally {
        process.fromProgram = outer;
      }
    },
    close: (fd) =>
      refusing(() => {
        files.close(fd);
        return 0;
      }),
    typeId: (name, kind) => machine.shown.btf.findByName(name, kind as BtfKind) || -Errno.ENOENT,
    symbol: (name) => {
      if (!process.may("SYSLOG")) return null;
      const known = machine.shown.btf.findByName(name, BtfKind.FUNC) !== 0;
      return known ? machine.symbols.address(name) : (machine.perCpuVariables.address(name) ?? 0n);
    },
  };
}
