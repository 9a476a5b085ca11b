import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelObject } from "../objects/kernel-object.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const INT_MAX = 0x7fff_ffff;

type NextId = "PROG_GET_NEXT_ID" | "MAP_GET_NEXT_ID" | "BTF_GET_NEXT_ID" | "LINK_GET_NEXT_ID";

/** `bpf_obj_get_next_id`. */
export function getNextId(command: NextId, table: (process: Process) => IdTable<KernelObject>) {
  return (process: Process, attr: Attr): number => {
    const { startId } = attr.fields(command);
    if (startId >= INT_MAX) refuse(Errno.EINVAL);
    if (!process.may("SYS_ADMIN")) refuse(Errno.EPERM);
    attr.put(command, "nextId", table(process).after(startId) ?? refuse(Errno.ENOENT));
    return 0;
  };
}

export function progGetFdById(process: Process, attr: Attr): number {
  const { progId } = attr.fields("PROG_GET_FD_BY_ID");
  return open(process, process.machine.programs, progId, 0);
}

export function mapGetFdById(process: Process, attr: Attr): number {
  const { mapId, openFlags } = attr.fields("MAP_GET_FD_BY_ID");
  if ((openFlags & ~(BpfMapFlag.RDONLY | BpfMapFlag.WRONLY)) !== 0) refuse(Errno.EINVAL);
  return open(process, process.machine.maps, mapId, openFlags);
}

export function btfGetFdById(process: Process, attr: Attr): number {
  const { btfId, openFlags, fdByIdTokenFd } = attr.fields("BTF_GET_FD_BY_ID");
  if ((openFlags & ~BpfMapFlag.TOKEN_FD) !== 0) refuse(Errno.EINVAL);
  // Descriptors there may be, but none is a token.
  if (openFlags !== 0) {
    process.files.get(fdByIdTokenFd);
    refuse(Errno.EINVAL);
  }
  return open(process, process.machine.btfs, btfId, 0);
}

export function linkGetFdById(process: Process, attr: Attr): number {
  const { linkId } = attr.fields("LINK_GET_FD_BY_ID");
  return open(process, process.machine.links, linkId, 0);
}

function open(process: Process, table: IdTable<KernelObject>, id: number, flags: number): number {
  if (!process.may("SYS_ADMIN")) refuse(Errno.EPERM);
  const access = flags & (BpfMapFlag.RDONLY | BpfMapFlag.WRONLY);
  if (access === (BpfMapFlag.RDONLY | BpfMapFlag.WRONLY)) refuse(Errno.EINVAL);
  const object = table.get(id) ?? refuse(Errno.ENOENT);
  return process.files.install(object.getUser(), {
    readable: access !== BpfMapFlag.WRONLY,
    writable: access !== BpfMapFlag.RDONLY,
  });
}
