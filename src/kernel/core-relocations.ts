import { TsbpfError } from "../base/index.ts";
import { CoreReloKind, CoreResolver } from "../btf/index.ts";
import { INSN_SIZE, type Insn } from "../isa/index.ts";
import { patchAt } from "../object/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { Process } from "./process.ts";
import {
  isRecordCount,
  isRecordSize,
  type RecordKind,
  type RecordSource,
  readRecords,
  refuseSaying,
} from "./record-source.ts";
import { refuse } from "./refusal.ts";

/** `struct bpf_core_relo`: offset of the instruction in bytes, type id, offset of the access string, kind. */
const CORE_RELO: RecordKind = {
  what: "core_relo",
  known: 16,
  address: "coreRelos",
  count: "coreReloCnt",
  size: "coreReloRecSize",
};

/**
 * The program with its CO-RE relocations done by the kernel (`check_core_relo`), as light skeletons ask for: against the
 * types of the kernel, one record after the other. A relocation that finds nothing leaves a call that the verifier refuses
 * where it can be reached.
 */
export function relocated(process: Process, source: RecordSource, btf: KernelBtf): readonly Insn[] {
  const { args, insns, log } = source;
  if (!isRecordCount(args, CORE_RELO) || !isRecordSize(args, CORE_RELO)) refuse(Errno.EINVAL);
  const out = [...insns];
  let resolver: CoreResolver | undefined;
  let i = -1;
  for (const record of readRecords(process, source, CORE_RELO)) {
    i++;
    const word = (at: number) => record.getUint32(at, true);
    const [offset, typeId, accessOffset, kind] = [word(0), word(4), word(8), word(12)];
    const slot = offset / INSN_SIZE;
    if (!Number.isInteger(slot) || slot >= out.length) {
      refuseSaying(log, `Invalid core_relo[${i}].insn_off:${offset} prog->len:${out.length}\n`);
    }
    if (!btf.types.has(typeId)) refuseSaying(log, `relo #${i}: bad type id ${typeId}\n`);
    if (kind !== CoreReloKind.TYPE_ID_LOCAL && btf.types.name(typeId) === "") {
      refuseSaying(log, `target candidate search failed for ${typeId}\n`);
    }
    try {
      resolver ??= new CoreResolver(btf.types, {
        kernel: { name: "vmlinux", btf: process.machine.kernelTypes[0]! },
      });
      const access = accessOffset < btf.types.stringEnd ? btf.types.string(accessOffset) : "";
      const problem = patchAt(out, slot, resolver.resolve({ typeId, access, kind }));
      if (problem !== null) refuseSaying(log, `prog '': relo #${i}: ${problem}\n`);
    } catch (error) {
      if (!(error instanceof TsbpfError)) throw error;
      refuseSaying(log, `prog '': relo #${i}: ${error.message}\n`);
    }
  }
  return out;
}
