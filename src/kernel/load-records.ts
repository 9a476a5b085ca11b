import { BtfKind } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { Errno } from "../uapi/index.ts";
import { type FunctionRecord, type ProgramRecords, Rejection, type SourceRecord } from "../verifier/index.ts";
import { relocated } from "./core-relocations.ts";
import type { KernelBtf } from "./objects/btf.ts";
import type { LineRecord } from "./objects/program.ts";
import type { Process } from "./process.ts";
import {
  isRecordCount,
  isRecordSize,
  type RecordKind,
  type RecordSource,
  readRecords,
  refuseSaying,
} from "./record-source.ts";
import { Refusal, refuse } from "./refusal.ts";

/** `struct bpf_func_info` */
const FUNC_INFO: RecordKind = {
  what: "func info",
  known: 8,
  address: "funcInfo",
  count: "funcInfoCnt",
  size: "funcInfoRecSize",
};
/** `struct bpf_line_info` */
const LINE_INFO: RecordKind = {
  what: "line_info",
  known: 16,
  address: "lineInfo",
  count: "lineInfoCnt",
  size: "lineInfoRecSize",
};

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
function* functionRecords(process: Process, source: RecordSource, btf: KernelBtf): Generator<FunctionRecord> {
  const { args, log } = source;
  if (args.funcInfoCnt === 0) return;
  if (!isRecordSize(args, FUNC_INFO)) {
    refuseSaying(log, `invalid func info rec size ${args.funcInfoRecSize}\n`);
  }
  if (!isRecordCount(args, FUNC_INFO)) refuse(Errno.ENOMEM);
  let previous = -1;
  for (const view of readRecords(process, source, FUNC_INFO)) {
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
  source: RecordSource,
  btf: KernelBtf,
): Generator<LineRecord, undefined> {
  const { args, insns, log } = source;
  if (args.lineInfoCnt === 0) return;
  if (!isRecordCount(args, LINE_INFO) || !isRecordSize(args, LINE_INFO)) refuse(Errno.EINVAL);
  let previous = -1;
  let i = 0;
  for (const view of readRecords(process, source, LINE_INFO)) {
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
