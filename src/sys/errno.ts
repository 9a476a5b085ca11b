import { TsbpfError } from "../base/index.ts";
import { errnoMessage, errnoName } from "../uapi/index.ts";

/** What a kernel answered to a system call that it refused. */
export class Errno extends TsbpfError {
  override name = "Errno";
  /** Positive, as in `<errno.h>`. */
  readonly errno: number;
  /** `"ENOENT"`. */
  readonly code: string;
  /** The call: `"BPF_MAP_CREATE"`, `"perf_event_open"`. */
  readonly command: string;
  /** The verifier's log of a refused PROG_LOAD, or the log of a refused BTF_LOAD; empty otherwise. */
  readonly log: string;

  constructor(errno: number, command: string, log = "") {
    super(`${command}: ${errnoMessage(errno)} (${errnoName(errno)})`);
    this.errno = errno;
    this.code = errnoName(errno);
    this.command = command;
    this.log = log;
  }
}
