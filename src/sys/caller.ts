import { type BpfAttrCommand, BpfCmd, Errno as E } from "../uapi/index.ts";
import { type AttrInput, encodeAttr } from "./attr.ts";
import { Errno } from "./errno.ts";
import type { Port } from "./port.ts";

/** bpf(2) over a port, with refusals as exceptions: what the classes of commands stand on. */
export class Caller {
  readonly port: Port;

  constructor(port: Port) {
    this.port = port;
  }

  /** @returns what the system call returns: 0, a descriptor or a negative errno. */
  protected raw(command: BpfAttrCommand, attr: Uint8Array): number {
    return this.port.bpf(BpfCmd[command], attr, attr.length);
  }

  /** @throws Errno */
  protected call<C extends BpfAttrCommand>(command: C, values: AttrInput<C>): number {
    return this.check(command, this.raw(command, encodeAttr(command, values)));
  }

  /** @throws Errno for a negative result. */
  protected check(command: BpfAttrCommand, result: number): number {
    if (result < 0) throw new Errno(-result, `BPF_${command}`);
    return result;
  }

  /** False for ENOENT, which is an answer; everything else negative throws. */
  protected found(command: BpfAttrCommand, result: number): boolean {
    if (result === -E.ENOENT) return false;
    this.check(command, result);
    return true;
  }
}
