import { BtfKind } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { LineRecord } from "./objects/program.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

const MIN_FUNC_INFO = 8;
const MIN_LINE_INFO = 16;
const MAX_RECORD = 252;
const LINE_BYTES = 16;

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
}

/** Reads and checks func_info and line_info (`check_btf_info_early`, `check_btf_line`). Null where there are none. */
export function debugRecords(
  process: Process,
  args: RecordArguments,
  insns: readonly Insn[],
): DebugRecords | null {
  if (args.funcInfoCnt === 0 && args.lineInfoCnt === 0) return null;
  const btf = process.btf(args.progBtfFd);
  if (btf.kernelBtf) refuse(Errno.EACCES);
  const functions = readRecords(
    process,
    args.funcInfo,
    args.funcInfoCnt,
    args.funcInfoRecSize,
    MIN_FUNC_INFO,
  ).map((view) => ({ slot: view.getUint32(0, true), typeId: view.getUint32(4, true) }));
  for (const [i, { slot, typeId }] of functions.entries()) {
    if (i === 0 ? slot !== 0 : slot <= functions[i - 1]!.slot) refuse(Errno.EINVAL);
    if (!btf.types.has(typeId) || btf.types.kind(typeId) !== BtfKind.FUNC) refuse(Errno.EINVAL);
  }
  const lines = readRecords(
    process,
    args.lineInfo,
    args.lineInfoCnt,
    args.lineInfoRecSize,
    MIN_LINE_INFO,
  ).map((view) => ({
    slot: view.getUint32(0, true),
    fileNameOff: view.getUint32(4, true),
    lineOff: view.getUint32(8, true),
    lineCol: view.getUint32(12, true),
  }));
  for (const [i, line] of lines.entries()) {
    if (line.slot >= insns.length || (i > 0 && line.slot <= lines[i - 1]!.slot)) refuse(Errno.EINVAL);
    if (insns[line.slot]!.opcode === 0) refuse(Errno.EINVAL);
  }
  return { btf: btf.get(), functions, lines };
}

/** Records of the caller's size: what is longer than we know must be zero there (E2BIG), as for every growing struct. */
function readRecords(
  process: Process,
  address: bigint,
  count: number,
  size: number,
  known: number,
): readonly DataView[] {
  if (count === 0) return [];
  if (size < known || size > MAX_RECORD || size % 4 !== 0) refuse(Errno.EINVAL);
  if (count > 0x1000_0000 / size) refuse(Errno.EINVAL);
  const bytes = process.read(address, count * size).slice();
  const views: DataView[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    if (bytes.subarray(at + known, at + size).some((byte) => byte !== 0)) refuse(Errno.E2BIG);
    views.push(new DataView(bytes.buffer, at, Math.min(size, LINE_BYTES)));
  }
  return views;
}
