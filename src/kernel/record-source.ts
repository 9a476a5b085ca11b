import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import type { LoadLog } from "./load-log.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

/** The largest record of any kind, in bytes (`MAX_FUNCINFO_REC_SIZE` and its like). */
const MAX_RECORD = 252;
const INT_MAX = 0x7fff_ffff;

/** The attribute's fields about types and records. */
export interface RecordArguments {
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

/** Refuses with EINVAL and these words; some that Linux has end without a line break. */
export function refuseSaying(log: LoadLog, reason: string): never {
  log.write(reason);
  return refuse(Errno.EINVAL);
}

/** A kind of records, and the fields of the attribute that are about it. */
export interface RecordKind {
  /** In the words about what is behind a record. */
  readonly what: string;
  /** Bytes of one record as this kernel has it. */
  readonly known: number;
  readonly address: "funcInfo" | "lineInfo" | "coreRelos";
  readonly count: "funcInfoCnt" | "lineInfoCnt" | "coreReloCnt";
  /** Bytes of one record as the caller has it. */
  readonly size: Parameters<RecordSource["expect"]>[0];
}

/** Whether so many records can be counted. */
export function isRecordCount(args: RecordArguments, { count, known }: RecordKind): boolean {
  return args[count] <= INT_MAX / known;
}

/** Whether records of the caller's size can be read: ours, with whole words behind. */
export function isRecordSize(args: RecordArguments, { size, known }: RecordKind): boolean {
  const bytes = args[size];
  return bytes >= known && bytes <= MAX_RECORD && bytes % 4 === 0;
}

/** Records of the caller's size: what is longer than we know must be zero there (E2BIG), as for every growing struct. */
export function* readRecords(
  process: Process,
  { args, log, expect }: RecordSource,
  { what, known, address, count, size }: RecordKind,
): Generator<DataView> {
  const bytes = args[size];
  for (let i = 0; i < args[count]; i++) {
    const record = process.read(args[address] + BigInt(i * bytes), bytes);
    if (record.subarray(known).some((byte) => byte !== 0)) {
      log.write(`nonzero tailing record in ${what}`);
      expect(size, known);
      refuse(Errno.E2BIG);
    }
    yield new DataView(record.slice(0, known).buffer);
  }
}
