import { utf8 } from "../../base/index.ts";
import { addressOf } from "../../mem/index.ts";
import { type RecordField, TRACE_ENTRY_SIZE, type TraceEvent } from "../../platform/index.ts";
import { wordBytes } from "../word-bytes.ts";
import { CONTEXT_SIZE } from "./context-blocks.ts";
import type { FireValue } from "./fire.ts";

/** A value as the 64 bits that a register or an argument holds; an object of the kernel as its address. */
export function wordOf(value: FireValue): bigint {
  if (typeof value === "bigint") return BigInt.asUintN(64, value);
  if (typeof value === "number") return BigInt.asUintN(64, BigInt(Math.trunc(value)));
  if (typeof value === "object" && "offset" in value) return addressOf(value.offset);
  throw new TypeError(`fire: expected a number or an object of the kernel, got ${typeof value}`);
}

/**
 * The record of a trace event: its entry, its fields, and its dynamic data behind them. Fields that are not told are 0.
 *
 * @throws RangeError for a field that the record does not have, or more data than a record may have.
 */
export function traceRecord(
  event: TraceEvent,
  pid: number,
  values: Readonly<Record<string, FireValue>>,
): Uint8Array {
  const told = Object.entries(values).map(([name, value]) => ({ field: fieldOf(event, name), value }));
  const dynamic: { readonly field: RecordField; readonly bytes: Uint8Array }[] = [];
  let size = event.size;
  for (const { field, value } of told) {
    if (field.dynamic === null) continue;
    const bytes = dynamicBytes(value);
    dynamic.push({ field, bytes });
    size += bytes.length;
  }
  // The ring of perf takes whole words, less the one for its size.
  const padded = ((size + 4 + 7) & -8) - 4;
  if (padded > CONTEXT_SIZE)
    throw new RangeError(`fire: expected at most ${CONTEXT_SIZE} bytes, got ${padded}`);
  const record = new Uint8Array(padded);
  const view = new DataView(record.buffer);
  view.setUint16(0, event.id, true);
  view.setInt32(4, pid, true);
  for (const { field, value } of told) writeField(record, field, value);
  let at = event.size;
  for (const { field, bytes } of dynamic) {
    record.set(bytes, at);
    const from = field.dynamic === "relative" ? at - field.offset - field.size : at;
    view.setUint32(field.offset, (bytes.length << 16) | (from & 0xffff), true);
    at += bytes.length;
  }
  return record;
}

function fieldOf({ name, fields }: TraceEvent, wanted: string): RecordField {
  const field = fields.find((each) => each.name === wanted);
  if (field === undefined) throw new RangeError(`fire: expected a field of ${name}, got ${wanted}`);
  return field;
}

function dynamicBytes(value: FireValue): Uint8Array {
  if (typeof value === "string") return utf8(`${value}\0`);
  if (value instanceof Uint8Array) return value;
  return wordBytes([wordOf(value)]);
}

function writeField(
  record: Uint8Array,
  { offset, size, array, dynamic }: RecordField,
  value: FireValue,
): void {
  if (dynamic !== null || offset < TRACE_ENTRY_SIZE) return;
  if (typeof value === "string" || value instanceof Uint8Array) {
    const bytes = typeof value === "string" ? utf8(value) : value;
    // A text keeps its NUL.
    record.set(bytes.subarray(0, typeof value === "string" && array ? size - 1 : size), offset);
    return;
  }
  record.set(wordBytes([wordOf(value)]).subarray(0, size), offset);
}
