import { BtfKind } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import { type FunctionRecord, type ProgramRecords, Rejection, type SourceRecord } from "../verifier/index.ts";
import { relocated } from "./core-relocations.ts";
import type { LoadLog } from "./load-log.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { LineRecord } from "./objects/program.ts";
import type { Process } from "./process.ts";
import { Refusal, refuse } from "./refusal.ts";

const FUNC_INFO_SIZE = 8;
const LINE_INFO_SIZE = 16;
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

/** The types and records of a load, read while its program is verified, and kept for what is told of the program. */
export class LoadRecords implements ProgramRecords, Disposable {
  /** A reference is held. */
  btf: KernelBtf | null = null;
  functionRecords: readonly FunctionRecord[] = [];
  readonly lineRecords: LineRecord[] = [];
  /** With what was relocated. */
  insns: readonly Insn[];
  readonly #process: Process;
  readonly #source: RecordSource;

  constructor(process: Process, source: RecordSource) {
    this.#process = process;
    this.#source = source;
    this.insns = source.insns;
  }

  functions(): ReturnType<ProgramRecords["functions"]> {
    const { args } = this.#source;
    if (args.funcInfoCnt === 0 && args.lineInfoCnt === 0) return null;
    return rejecting(() => {
      const btf = this.#process.btf(args.progBtfFd);
      if (btf.kernelBtf) refuse(Errno.EACCES);
      this.btf = btf.get();
      this.functionRecords = [...functionRecords(this.#process, this.#source, btf)];
      return { btf: btf.types, functions: this.functionRecords };
    });
  }

  *lines(): Iterable<SourceRecord> {
    const { btf } = this;
    if (btf === null) return;
    const { types } = btf;
    const read = lineRecords(this.#process, this.#source, btf);
    for (let next = rejecting(() => read.next()); next.done !== true; next = rejecting(() => read.next())) {
      const record = next.value;
      const { slot, fileNameOff, lineOff, lineCol } = record;
      this.lineRecords.push(record);
      yield {
        slot,
        line: lineCol >>> 10,
        column: lineCol & 0x3ff,
        text: types.string(lineOff),
        file: types.string(fileNameOff),
      };
    }
  }

  relocated(): readonly Insn[] | null {
    const { btf } = this;
    if (btf === null || this.#source.args.coreReloCnt === 0) return null;
    this.insns = rejecting(() => relocated(this.#process, this.#source, btf));
    return this.insns;
  }

  [Symbol.dispose](): void {
    this.btf?.put();
  }
}

/** What is refused in the kernel is the verifier's refusal; the words are in the log already. */
function rejecting<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Refusal) throw new Rejection(error.errno, "");
    throw error;
  }
}

/** `check_btf_func_early` */
function* functionRecords(
  process: Process,
  { args, log, expect }: RecordSource,
  btf: KernelBtf,
): Generator<FunctionRecord> {
  const { funcInfoCnt: count, funcInfoRecSize: size } = args;
  if (count === 0) return;
  if (!isRecordSize(size, FUNC_INFO_SIZE)) refuseSaying(log, `invalid func info rec size ${size}\n`);
  if (count > INT_MAX / FUNC_INFO_SIZE) refuse(Errno.ENOMEM);
  let previous = -1;
  for (const view of readRecords(process, log, {
    what: "func info",
    address: args.funcInfo,
    count,
    size,
    known: FUNC_INFO_SIZE,
    expect: (known) => expect("funcInfoRecSize", known),
  })) {
    const [slot, typeId] = [view.getUint32(0, true), view.getUint32(4, true)];
    if (previous < 0 && slot !== 0) {
      refuseSaying(log, `nonzero insn_off ${slot} for the first func info record`);
    }
    if (slot <= previous) {
      refuseSaying(log, `same or smaller insn offset (${slot}) than previous func info record (${previous})`);
    }
    if (!btf.types.has(typeId) || btf.types.kind(typeId) !== BtfKind.FUNC) {
      refuseSaying(log, `invalid type id ${typeId} in func info`);
    }
    previous = slot;
    yield { slot, typeId };
  }
}

/** `check_btf_line`, as far as a record says it by itself. */
function* lineRecords(
  process: Process,
  { args, insns, log, expect }: RecordSource,
  btf: KernelBtf,
): Generator<LineRecord, undefined> {
  const { lineInfoCnt: count, lineInfoRecSize: size } = args;
  if (count === 0) return;
  if (count > INT_MAX / LINE_INFO_SIZE || !isRecordSize(size, LINE_INFO_SIZE)) refuse(Errno.EINVAL);
  let previous = -1;
  let i = 0;
  for (const view of readRecords(process, log, {
    what: "line_info",
    address: args.lineInfo,
    count,
    size,
    known: LINE_INFO_SIZE,
    expect: (known) => expect("lineInfoRecSize", known),
  })) {
    const word = (at: number) => view.getUint32(at, true);
    const record = { slot: word(0), fileNameOff: word(4), lineOff: word(8), lineCol: word(12) };
    const { slot, fileNameOff, lineOff } = record;
    if (slot <= previous || slot >= insns.length) {
      const place = `prev_offset:${Math.max(previous, 0)} prog->len:${insns.length}`;
      refuseSaying(log, `Invalid line_info[${i}].insn_off:${slot} (${place})\n`);
    }
    if (insns[slot]!.opcode === 0) refuseSaying(log, `Invalid insn code at line_info[${i}].insn_off\n`);
    if (lineOff >= btf.types.stringEnd || fileNameOff >= btf.types.stringEnd) {
      refuseSaying(log, `Invalid line_info[${i}].line_off or .file_name_off\n`);
    }
    previous = slot;
    i++;
    yield record;
  }
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
