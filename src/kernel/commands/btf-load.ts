import { FormatError } from "../../base/index.ts";
import { BTF_HEADER_SIZE, BTF_MAGIC, Btf } from "../../btf/index.ts";
import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import { Rejection } from "../../verifier/index.ts";
import type { Attr } from "../attr.ts";
import { checkBtfReferences } from "../btf-references.ts";
import { checkBtfTypes } from "../btf-types.ts";
import { LoadLog } from "../load-log.ts";
import { KernelBtf } from "../objects/btf.ts";
import type { Process } from "../process.ts";
import { Refusal, refuse } from "../refusal.ts";

const BTF_MAX_SIZE = 16 * 1024 * 1024;
const BTF_VERSION = 1;

/** `bpf_btf_load` and `btf_new_fd`. */
export function btfLoad(process: Process, attr: Attr): number {
  const args = attr.fields("BTF_LOAD");
  if ((args.btfFlags & ~BpfMapFlag.TOKEN_FD) !== 0) refuse(Errno.EINVAL);
  if (args.btfFlags !== 0) {
    // Descriptors there may be, but none is a token.
    process.files.get(args.btfTokenFd);
    refuse(Errno.EINVAL);
  }
  if (!process.may("BPF")) refuse(Errno.EPERM);
  if (args.btfSize > BTF_MAX_SIZE) refuse(Errno.E2BIG);
  const log = new LoadLog(args.btfLogLevel, args.btfLogBuf, args.btfLogSize);
  let loaded: KernelBtf | number;
  try {
    const bytes = process.read(args.btf, args.btfSize).slice();
    checkHeader(bytes, log);
    loaded = new KernelBtf(process.machine.btfs, bytes, { parsed: parse(bytes, log) });
    checkStructs(process, loaded);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    loaded = -error.errno;
  }
  // The reason has to reach the caller with the refusal; a log that did not fit is a refusal by itself.
  try {
    const full = log.finish(process);
    attr.put("BTF_LOAD", "btfLogTrueSize", log.trueSize);
    if (full < 0) refuse(-full);
  } catch (refusal) {
    if (typeof loaded !== "number") loaded.put();
    throw refusal;
  }
  return typeof loaded === "number" ? loaded : process.files.install(loaded);
}

/** Structs with special fields have to be right in themselves (`btf_parse_struct_metas`). */
function checkStructs(process: Process, btf: KernelBtf): void {
  try {
    process.machine.structMetas(btf);
  } catch (error) {
    btf.put();
    throw error instanceof Rejection ? new Refusal(error.errno) : error;
  }
}

/** `btf_parse_hdr`, which also begins the log. */
function checkHeader(bytes: Uint8Array, log: LoadLog): void {
  const fail = (errno: number, reason: string): never => {
    log.write(`${reason}\n`);
    return refuse(errno);
  };
  if (bytes.length < 8) fail(Errno.EINVAL, "hdr_len not found");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true);
  if (bytes.length < length) fail(Errno.EINVAL, "btf_header not found");
  if (bytes.subarray(BTF_HEADER_SIZE, length).some((byte) => byte !== 0)) {
    fail(Errno.E2BIG, "Unsupported btf_header");
  }
  const word = (at: number) => (at + 4 <= Math.min(length, BTF_HEADER_SIZE) ? view.getUint32(at, true) : 0);
  const magic = view.getUint16(0, true);
  const [version, flags] = [bytes[2]!, bytes[3]!];
  log.write(
    `magic: 0x${magic.toString(16)}\nversion: ${version}\nflags: 0x${flags.toString(16)}\nhdr_len: ${length}\n` +
      `type_off: ${word(8)}\ntype_len: ${word(12)}\nstr_off: ${word(16)}\nstr_len: ${word(20)}\n` +
      `btf_total_size: ${bytes.length}\n`,
  );
  if (magic !== BTF_MAGIC) fail(Errno.EINVAL, "Invalid magic");
  if (version !== BTF_VERSION) fail(Errno.ENOTSUPP, "Unsupported version");
  if (flags !== 0) fail(Errno.ENOTSUPP, "Unsupported flags");
  if (bytes.length === length) fail(Errno.EINVAL, "No data");
  const problem = sectionProblem(bytes.length - length, [
    { start: word(8), size: word(12) },
    { start: word(16), size: word(20) },
  ]);
  if (problem !== null) fail(Errno.EINVAL, problem);
}

interface Section {
  readonly start: number;
  readonly size: number;
}

/** Sections fill what follows the header, without gaps and without overlaps (`btf_check_sec_info`). */
function sectionProblem(space: number, sections: readonly Section[]): string | null {
  let end = 0;
  for (const { start, size } of sections.toSorted((a, b) => a.start - b.start)) {
    if (space < start) return "Invalid section offset";
    if (end < start) return "Unsupported section found";
    if (end > start) return "Section overlap found";
    if (space - end < size) return "Total section length too long";
    end += size;
  }
  return end === space ? null : "Unsupported section found";
}

/** The types, all of them checked (`btf_parse_type_sec`, `btf_check_all_metas`, `btf_check_all_types`). */
function parse(bytes: Uint8Array, log: LoadLog): Btf {
  try {
    const btf = Btf.parse(bytes);
    const problem = checkBtfTypes(btf) ?? checkBtfReferences(btf);
    if (problem === null) return btf;
    log.write(`[${problem.id}] ${problem.reason}\n`);
    return refuse(problem.errno);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    log.write(`${error.message}\n`);
    return refuse(Errno.EINVAL);
  }
}
