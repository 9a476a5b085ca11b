import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import type { LoadLog } from "./load-log.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

/** The largest record of any kind, in bytes (`MAX_FUNCINFO_REC_SIZE` and its like). */
const MAX_RECORD = 252;

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

/** Whether records of a size can be read: ours, with whole words behind. */
export function isRecordSize(size: number, known: number): boolean {
  return size >= known && size <= MAX_RECORD && size % 4 === 0;
}

interface Records {
  /** In the words about what is behind a record. */
  readonly what: string;
  readonly address: bigint;
  readonly count: number;
  /** Bytes of one record as the caller has it. */
  readonly size: number;
  /** Bytes of one record as this kernel has it. */
  readonly known: number;
  readonly expect: (size: number) => void;
}

/** Records of the caller's size: what is longer than we know must be zero there (E2BIG), as for every growing struct. */
export function* readRecords(
  process: Process,
  log: LoadLog,
  { what, address, count, size, known, expect }: Records,
): Generator<DataView> {
  for (let i = 0; i < count; i++) {
    const record = process.read(address + BigInt(i * size), size);
    if (record.subarray(known).some((byte) => byte !== 0)) {
      log.write(`nonzero tailing record in ${what}`);
      expect(known);
      refuse(Errno.E2BIG);
    }
    yield new DataView(record.slice(0, known).buffer);
  }
}
