import { FormatError, utf8 } from "../../base/index.ts";
import { Btf } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { KernelBtf } from "../objects/btf.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";

const BTF_MAX_SIZE = 16 * 1024 * 1024;
const MAX_LOG = 0xffff_ffff >>> 2;

/** `bpf_btf_load` and `btf_parse`. */
export function btfLoad(process: Process, attr: Attr): number {
  const args = attr.fields("BTF_LOAD");
  if (args.btfFlags !== 0) refuse(Errno.EINVAL);
  if (args.btfSize > BTF_MAX_SIZE) refuse(Errno.E2BIG);
  if (!process.may("BPF")) refuse(Errno.EPERM);
  // bpf_vlog_init: a level needs a buffer of a sensible size, and a buffer a level.
  const wantsLog = args.btfLogLevel !== 0 || args.btfLogSize !== 0 || args.btfLogBuf !== 0n;
  if (wantsLog) {
    if ((args.btfLogBuf === 0n) !== (args.btfLogSize === 0)) refuse(Errno.EINVAL);
    if (args.btfLogBuf !== 0n && args.btfLogLevel === 0) refuse(Errno.EINVAL);
    if (args.btfLogSize > MAX_LOG) refuse(Errno.EINVAL);
  }
  const bytes = process.read(args.btf, args.btfSize).slice();
  try {
    const parsed = Btf.parse(bytes);
    return process.files.install(new KernelBtf(process.machine.btfs, bytes, { parsed }));
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (args.btfLogBuf !== 0n) {
      const text = utf8(`${error.message}\n\0`).subarray(0, args.btfLogSize);
      text[text.length - 1] = 0;
      process.write(args.btfLogBuf, text);
    }
    return refuse(Errno.EINVAL);
  }
}
