import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { FileAccess } from "../bpffs.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const PATH_MAX = 4096;

/** `bpf_obj_pin`. */
export function objPin(process: Process, attr: Attr): number {
  const { pathname, bpfFd, fileFlags, pathFd } = attr.fields("OBJ_PIN");
  if ((fileFlags & ~BpfMapFlag.PATH_FD) !== 0) refuse(Errno.EINVAL);
  if ((fileFlags & BpfMapFlag.PATH_FD) === 0 && pathFd !== 0) refuse(Errno.EINVAL);
  const object = process.files.find(bpfFd)?.object;
  if (object === undefined || object.kind === "btf") return refuse(Errno.EINVAL);
  const path = process.string(pathname, PATH_MAX);
  process.machine.bpffs.pin(path, object, process);
  return 0;
}

/** `bpf_obj_get`. */
export function objGet(process: Process, attr: Attr): number {
  const { pathname, bpfFd, fileFlags, pathFd } = attr.fields("OBJ_GET");
  if (bpfFd !== 0 || (fileFlags & ~(BpfMapFlag.RDONLY | BpfMapFlag.WRONLY | BpfMapFlag.PATH_FD)) !== 0)
    refuse(Errno.EINVAL);
  if ((fileFlags & BpfMapFlag.PATH_FD) === 0 && pathFd !== 0) refuse(Errno.EINVAL);
  const access = fileFlags & (BpfMapFlag.RDONLY | BpfMapFlag.WRONLY);
  if (access === (BpfMapFlag.RDONLY | BpfMapFlag.WRONLY)) refuse(Errno.EINVAL);
  const wanted =
    (access === BpfMapFlag.WRONLY ? 0 : FileAccess.read) |
    (access === BpfMapFlag.RDONLY ? 0 : FileAccess.write);
  const object = process.machine.bpffs.open(process.string(pathname, PATH_MAX), process, wanted);
  return process.files.install(object.getUser(), {
    readable: access !== BpfMapFlag.WRONLY,
    writable: access !== BpfMapFlag.RDONLY,
  });
}
