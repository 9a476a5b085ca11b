import { Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { FileAccess } from "../bpffs.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const OPEN_RDONLY = 1 << 3;
const OPEN_WRONLY = 1 << 4;
const BPF_F_PATH_FD = 1 << 14;
const PATH_MAX = 4096;

/** `bpf_obj_pin`. */
export function objPin(process: Process, attr: Attr): number {
  const { pathname, bpfFd, fileFlags, pathFd } = attr.fields("OBJ_PIN");
  if ((fileFlags & ~BPF_F_PATH_FD) !== 0) refuse(Errno.EINVAL);
  if ((fileFlags & BPF_F_PATH_FD) === 0 && pathFd !== 0) refuse(Errno.EINVAL);
  const object = process.files.find(bpfFd)?.object;
  if (object === undefined || object.kind === "btf") return refuse(Errno.EINVAL);
  const path = process.string(pathname, PATH_MAX);
  process.machine.bpffs.pin(path, object, process);
  return 0;
}

/** `bpf_obj_get`. */
export function objGet(process: Process, attr: Attr): number {
  const { pathname, bpfFd, fileFlags, pathFd } = attr.fields("OBJ_GET");
  if (bpfFd !== 0 || (fileFlags & ~(OPEN_RDONLY | OPEN_WRONLY | BPF_F_PATH_FD)) !== 0) refuse(Errno.EINVAL);
  if ((fileFlags & BPF_F_PATH_FD) === 0 && pathFd !== 0) refuse(Errno.EINVAL);
  const access = fileFlags & (OPEN_RDONLY | OPEN_WRONLY);
  if (access === (OPEN_RDONLY | OPEN_WRONLY)) refuse(Errno.EINVAL);
  const wanted =
    (access === OPEN_WRONLY ? 0 : FileAccess.read) | (access === OPEN_RDONLY ? 0 : FileAccess.write);
  const object = process.machine.bpffs.open(process.string(pathname, PATH_MAX), process, wanted);
  return process.files.install(object.getUser(), {
    readable: access !== OPEN_WRONLY,
    writable: access !== OPEN_RDONLY,
  });
}
