import { TsbpfError } from "../base/index.ts";
import { CoreReloKind, CoreResolver } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { patchInsn } from "../object/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { Process } from "./process.ts";
import { isRecordSize, type RecordSource, readRecords, refuseSaying } from "./record-source.ts";
import { refuse } from "./refusal.ts";

/** `struct bpf_core_relo`: offset of the instruction in bytes, type id, offset of the access string, kind. */
const RECORD_SIZE = 16;
const INT_MAX = 0x7fff_ffff;
const INSN_SIZE = 8;

/**
 * The program with its CO-RE relocations done by the kernel (`check_core_relo`), as light skeletons ask for: against the
 * types of the kernel, one record after the other. A relocation that finds nothing leaves a call that the verifier refuses
 * where it can be reached.
 */
export function relocated(
  process: Process,
  { args, insns, log, expect }: RecordSource,
  btf: KernelBtf,
): readonly Insn[] {
  const { coreReloCnt: count, coreReloRecSize: size } = args;
  if (count > INT_MAX / RECORD_SIZE || !isRecordSize(size, RECORD_SIZE)) refuse(Errno.EINVAL);
  const out = [...insns];
  let resolver: CoreResolver | undefined;
  let i = -1;
  for (const record of readRecords(process, log, {
    what: "core_relo",
    address: args.coreRelos,
    count,
    size,
    known: RECORD_SIZE,
    expect: (known) => expect("coreReloRecSize", known),
  })) {
    i++;
    const [offset, typeId, accessOffset, kind] = [0, 4, 8, 12].map((at) => record.getUint32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
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
      const patched = patchInsn(out[slot]!, out[slot + 1], resolver.resolve({ typeId, access, kind }));
      if (!("insns" in patched)) refuseSaying(log, `prog '': relo #${i}: ${patched.problem}\n`);
      for (const [at, insn] of patched.insns.entries()) out[slot + at] = insn;
    } catch (error) {
      if (!(error instanceof TsbpfError)) throw error;
      refuseSaying(log, `prog '': relo #${i}: ${error.message}\n`);
    }
  }
  return out;
}
