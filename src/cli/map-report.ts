import type { Btf, JsonWriter } from "../btf/index.ts";
import type { BpfCommands, MapInfo } from "../sys/index.ts";
import { BpfMapType, mapTypeNames } from "../uapi/index.ts";
import { countText, mapTable, quantityText, type TableEntry, tableText } from "../user/index.ts";
import { mapBtf } from "./kernel-btf.ts";
import { cpuStride, mapEntries, unlisted } from "./map-entries.ts";
import { writeEntryJson, writeFormatted } from "./map-text.ts";
import type { Style } from "./style.ts";

/** A map of an object, by the name it has there. */
export interface ReportedMap {
  readonly name: string;
  readonly fd: number;
  readonly info: MapInfo;
}

/** Rows of a table before it is cut. */
const MAX_ROWS = 20;

const ARRAYS: ReadonlySet<number> = new Set([BpfMapType.ARRAY, BpfMapType.PERCPU_ARRAY]);

/** Why elements of a map are not shown; null where they are. */
function unshown(sys: BpfCommands, map: ReportedMap): string | null {
  return unlisted(sys, map)?.why ?? null;
}

/** Records that wait in a ring buffer for somebody who reads them; null where it is none. They are read by that. */
function recordsOf(sys: BpfCommands, { fd, info }: ReportedMap): number | null {
  if (info.type !== BpfMapType.RINGBUF) return null;
  const batch = sys.port.ringConsume(fd, 0x7fff_ffff);
  if (typeof batch === "number") return null;
  const { length } = batch.records;
  batch.release();
  return length;
}

/** Says of a map why its elements are not shown, or how many records it has. */
function unshownText(sys: BpfCommands, map: ReportedMap, why: string, style: Style): string {
  const records = recordsOf(sys, map);
  const fact = records === null ? why : `${quantityText(records, "record")} that nobody has read`;
  return headText(map, [typeName(map.info), fact], style);
}

/** The maps of an object as tables: by their types, data sections one variable a line. */
export function mapsText(sys: BpfCommands, maps: readonly ReportedMap[], style: Style): string {
  return maps
    .map((map) => {
      const why = unshown(sys, map);
      return why === null ? mapText(sys, map, style) : unshownText(sys, map, why, style);
    })
    .filter((text) => text !== "")
    .join("\n");
}

function mapText(sys: BpfCommands, map: ReportedMap, style: Style): string {
  const { info } = map;
  const btf = mapBtf(sys, info);
  const entries = entriesOf(sys, map);
  if (isDataSection(btf, info)) {
    const table = mapTable({ btf, keyType: 0, valueType: info.btfValueTypeId }, withoutKeys(entries));
    if (table.columns.length === 0) return "";
    const rows = table.columns.map(({ name }, at) => [name, table.rows[0]![at]!]);
    const width = Math.max(...rows.map(([name]) => name!.length));
    return `${style.bold(map.name)}\n${rows.map(([name, value]) => `  ${name!.padEnd(width)}  ${value}\n`).join("")}`;
  }
  const isArray = ARRAYS.has(info.type);
  const table = mapTable({ btf, keyType: info.btfKeyTypeId, valueType: info.btfValueTypeId }, entries, {
    hideZeros: isArray,
    largestFirst: !isArray,
  });
  const cpus = entries[0]?.values.length ?? 1;
  const facts = [
    typeName(info),
    `${countText(entries.length)} of ${quantityText(info.maxEntries, "entry", "entries")}`,
    ...(cpus > 1 ? [`sums of ${cpus} CPUs`] : []),
  ];
  const head = headText(map, facts, style);
  const shown = table.rows.slice(0, MAX_ROWS);
  const { text, hidden } =
    shown.length === 0
      ? { text: "", hidden: [] }
      : tableText(table.columns, shown, { width: style.width, indent: 2, heading: style.dim });
  const notes = [
    ...(table.rows.length > shown.length ? [`${countText(table.rows.length - shown.length)} more`] : []),
    ...(table.zeros > 0 ? [`${countText(table.zeros)} all zero`] : []),
    ...(hidden.length > 0 ? [`no room for ${hidden.join(", ")}`] : []),
  ];
  return `${head}${text}${notes.length === 0 ? "" : `  ${style.dim(`… ${notes.join("; ")}`)}\n`}`;
}

function headText({ name }: ReportedMap, facts: readonly string[], style: Style): string {
  return `${style.bold(name)}  ${style.dim(facts.join(", "))}\n`;
}

function typeName({ type }: MapInfo): string {
  return mapTypeNames[type] ?? `type ${type}`;
}

function withoutKeys(entries: readonly TableEntry[]): TableEntry[] {
  return entries.map(({ values }) => ({ key: new Uint8Array(0), values }));
}

function isDataSection(btf: Btf | null, info: MapInfo): boolean {
  return btf !== null && info.btfKeyTypeId === 0 && btf.type(info.btfValueTypeId).kind === "DATASEC";
}

function entriesOf(sys: BpfCommands, { fd, info }: ReportedMap): TableEntry[] {
  const entries: TableEntry[] = [];
  for (const { key, value } of mapEntries(sys, fd, info)) {
    if (value === null) continue;
    entries.push({ key, values: info.perCpu ? cpuValues(value, info) : [value] });
  }
  return entries;
}

function cpuValues(value: Uint8Array, info: MapInfo): Uint8Array[] {
  const stride = cpuStride(info);
  const values: Uint8Array[] = [];
  for (let at = 0; at + stride <= value.length; at += stride)
    values.push(value.subarray(at, at + info.valueSize));
  return values;
}

/** The maps in JSON: their elements as `map dump` without -j formats them, by their types, or else as it does with -j. */
export function writeMapsJson(json: JsonWriter, sys: BpfCommands, maps: readonly ReportedMap[]): void {
  json.name("maps").startArray();
  for (const map of maps) {
    const why = unshown(sys, map);
    json
      .startObject()
      .field("name", map.name)
      .field("type", mapTypeNames[map.info.type] ?? map.info.type);
    if (why !== null) {
      const records = recordsOf(sys, map);
      (records === null ? json.field("error", why) : json.field("records", records)).endObject();
      continue;
    }
    const btf = mapBtf(sys, map.info);
    json.name("elements").startArray();
    for (const entry of mapEntries(sys, map.fd, map.info)) {
      if (entry.value === null) continue;
      if (btf !== null) writeFormatted(json, map.info, entry, btf, false);
      else writeEntryJson(json, map.info, entry, null);
    }
    json.endArray().endObject();
  }
  json.endArray();
}
