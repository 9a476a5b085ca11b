import { Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

/** `bpf_prog_bind_map`: the program keeps the map as if its code used it. */
export function progBindMap(process: Process, attr: Attr): number {
  const { progFd, mapFd, flags } = attr.fields("PROG_BIND_MAP");
  if (flags !== 0) refuse(Errno.EINVAL);
  const program = process.program(progFd);
  const map = process.map(mapFd, "any");
  program.bind(map);
  return 0;
}
