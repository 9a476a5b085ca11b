import { BtfKind } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import type { LoadLog } from "./load-log.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { LineRecord } from "./objects/program.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

const MIN_FUNC_INFO = 8;
const MIN_LINE_INFO = 16;
const MAX_RECORD = 252;
const INT_MAX = 0x7fff_ffff;

/** The debug records of a load: which function begins at which slot, and which line a slot comes from. */
export interface DebugRecords {
  /** A reference is held; the user of this object drops it. */
  readonly btf: KernelBtf;
  readonly functions: readonly { readonly slot: number; readonly typeId: number }[];
  readonly lines: readonly LineRecord[];
}

interface RecordArguments {
  readonly progBtfFd: number;
  readonly funcInfo: bigint;
  readonly funcInfoCnt: number;
  readonly funcInfoRecSize: number;
  readonly lineInfo: bigint;
  readonly lineInfoCnt: number;
  readonly lineInfoRecSize: number;
  readonly coreRelos: bigint;
  readonly coreReloCnt: number;
  readonly coreReloRecSize: number;
}

/** What a load says of its records. */
export interface RecordSource {
  readonly args: RecordArguments;
  readonly insns: readonly Insn[];
  readonly log: LoadLog;
  /** Tells the caller how large the kernel's records are, where its own have something behind. */
  readonly expect: (field: "funcInfoRecSize" | "lineInfoRecSize" | "coreReloRecSize", size: number) => void;
}

/**
 * Reads func_info and line_info, and checks what each record says by itself (`check_btf_func_early`, the first half of
 * `check_btf_line`). Null where there are none.
 */
export function debugRecords(process: Process, source: RecordSource): DebugRecords | null {
  const { args } = source;
  if (args.funcInfoCnt === 0 && args.lineInfoCnt === 0) return null;
  const btf = process.btf(args.progBtfFd);
  if (btf.kernelBtf) refuse(Errno.EACCES);
  const functions = functionRecords(process, source, btf);
  const lines = lineRecords(process, source, btf);
  return { btf: btf.get(), functions, lines };
}

function functionRecords(
  process: Process,
  { args, log, expect }: RecordSource,
  btf: KernelBtf,
): DebugRecords["functions"] {
  if (args.funcInfoCnt === 0) return [];
  if (args.funcInfoCnt > INT_MAX / MIN_FUNC_INFO) refuse(Errno.ENOMEM);
  const records = readRecords(process, {
    address: args.funcInfo,
    count: args.funcInfoCnt,
    size: args.funcInfoRecSize,
    known: MIN_FUNC_INFO,
    expect: (size) => expect("funcInfoRecSize", size),
  }).map((view) => ({ slot: view.getUint32(0, true), typeId: view.getUint32(4, true) }));
  for (const [i, { slot, typeId }] of records.entries()) {
    if (i === 0 && slot !== 0) refuseSaying(log, `nonzero insn_off ${slot} for the first func info record`);
    if (i > 0 && slot <= records[i - 1]!.slot) {
      refuseSaying(
        log,
        `same or smaller insn offset (${slot}) than previous func info record (${records[i - 1]!.slot})`,
      );
    }
    if (!btf.types.has(typeId) || btf.types.kind(typeId) !== BtfKind.FUNC) {
      refuseSaying(log, `invalid type id ${typeId} in func info`);
    }
  }
  return records;
}

function lineRecords(
  process: Process,
  { args, insns, log, expect }: RecordSource,
  btf: KernelBtf,
): readonly LineRecord[] {
  if (args.lineInfoCnt === 0) return [];
  if (args.lineInfoCnt > INT_MAX / MIN_LINE_INFO) refuse(Errno.EINVAL);
  const lines = readRecords(process, {
    address: args.lineInfo,
    count: args.lineInfoCnt,
    size: args.lineInfoRecSize,
    known: MIN_LINE_INFO,
    expect: (size) => expect("lineInfoRecSize", size),
  }).map((view) => ({
    slot: view.getUint32(0, true),
    fileNameOff: view.getUint32(4, true),
    lineOff: view.getUint32(8, true),
    lineCol: view.getUint32(12, true),
  }));
  for (const [i, { slot, fileNameOff, lineOff }] of lines.entries()) {
    const before = i === 0 ? -1 : lines[i - 1]!.slot;
    if (slot <= before || slot >= insns.length) {
      refuseSaying(
        log,
        `Invalid line_info[${i}].insn_off:${slot} (prev_offset:${before} prog->len:${insns.length})`,
      );
    }
    if (insns[slot]!.opcode === 0) refuseSaying(log, `Invalid insn code at line_info[${i}].insn_off`);
    if (lineOff >= btf.types.stringEnd || fileNameOff >= btf.types.stringEnd) {
      refuseSaying(log, `Invalid line_info[${i}].line_off or .file_name_off`);
    }
  }
  return lines;
}

export function refuseSaying(log: LoadLog, reason: string): never {
  log.write(`${reason}\n`);
  return refuse(Errno.EINVAL);
}

interface Records {
  readonly address: bigint;
  readonly count: number;
  /** Bytes of one record as the caller has it. */
  readonly size: number;
  /** Bytes of one record as this kernel has it. */
  readonly known: number;
  readonly expect: (size: number) => void;
}

/** Records of the caller's size: what is longer than we know must be zero there (E2BIG), as for every growing struct. */
export function readRecords(
  process: Process,
  { address, count, size, known, expect }: Records,
): readonly DataView[] {
  if (size < known || size > MAX_RECORD || size % 4 !== 0) refuse(Errno.EINVAL);
  const views: DataView[] = [];
  for (let i = 0; i < count; i++) {
    const record = process.read(address + BigInt(i * size), size);
    if (record.subarray(known).some((byte) => byte !== 0)) {
      expect(known);
      refuse(Errno.E2BIG);
    }
    views.push(new DataView(record.slice(0, known).buffer));
  }
  return views;
}
