import { u64 } from "../../base/index.ts";
import { PerfRecord, PerfRecordMisc, PerfSample } from "../../uapi/index.ts";
import { wordBytes } from "../word-bytes.ts";

/** What a sample may say, as far as its event asks for it. */
export interface SampleFacts {
  readonly ip: bigint;
  readonly user: boolean;
  readonly pid: number;
  readonly tid: number;
  /** Nanoseconds. */
  readonly time: number;
  readonly address: bigint;
  readonly id: bigint;
  readonly cpu: number;
  readonly period: bigint;
  /** What read(2) of the event would give. */
  readonly read: () => Uint8Array;
  /** Addresses of functions, the innermost first. */
  readonly chain: () => readonly bigint[];
  /** Bytes that the program wrote, or the record of a trace event. */
  readonly raw: Uint8Array;
}

const HEADER_SIZE = 8;
const WORD = 8;

/** `PERF_CONTEXT_KERNEL`: in front of the kernel's addresses of a call chain. */
const CONTEXT_KERNEL = 0xffff_ffff_ffff_ff80n;

/** `perf_output_sample`: a PERF_RECORD_SAMPLE with its parts in the order of the ABI. */
export function sampleRecord(sampleType: bigint, facts: SampleFacts): Uint8Array {
  const asked = (bit: number) => (sampleType & BigInt(bit)) !== 0n;
  const words: bigint[] = [];
  if (asked(PerfSample.IDENTIFIER)) words.push(facts.id);
  if (asked(PerfSample.IP)) words.push(facts.ip);
  if (asked(PerfSample.TID)) words.push(u64(facts.pid, facts.tid));
  if (asked(PerfSample.TIME)) words.push(BigInt(facts.time));
  if (asked(PerfSample.ADDR)) words.push(facts.address);
  if (asked(PerfSample.ID)) words.push(facts.id);
  if (asked(PerfSample.STREAM_ID)) words.push(facts.id);
  if (asked(PerfSample.CPU)) words.push(BigInt(facts.cpu));
  if (asked(PerfSample.PERIOD)) words.push(facts.period);
  const parts = [wordBytes(words)];
  if (asked(PerfSample.READ)) parts.push(facts.read());
  if (asked(PerfSample.CALLCHAIN)) {
    const chain = facts.chain();
    const entries = chain.length === 0 ? [] : [CONTEXT_KERNEL, ...chain];
    parts.push(wordBytes([BigInt(entries.length), ...entries]));
  }
  if (asked(PerfSample.RAW)) parts.push(rawPart(facts.raw));
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  const record = new Uint8Array(length);
  const view = new DataView(record.buffer);
  view.setUint32(0, PerfRecord.SAMPLE, true);
  view.setUint16(4, facts.user ? PerfRecordMisc.USER : PerfRecordMisc.KERNEL, true);
  view.setUint16(6, length, true);
  let at = HEADER_SIZE;
  for (const part of parts) {
    record.set(part, at);
    at += part.length;
  }
  return record;
}

/** Its size, which counts the zeros behind it up to a whole word, and the bytes. */
function rawPart(raw: Uint8Array): Uint8Array {
  const size = ((raw.length + 4 + WORD - 1) & -WORD) - 4;
  const part = new Uint8Array(4 + size);
  new DataView(part.buffer).setUint32(0, size, true);
  part.set(raw, 4);
  return part;
}
