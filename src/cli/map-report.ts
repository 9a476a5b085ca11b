import type { Btf, JsonWriter } from "../btf/index.ts";
import type { BpfCommands, MapInfo } from "../sys/index.ts";
import { BpfMapType, mapTypeNames } from "../uapi/index.ts";
import { countText, mapTable, quantityText, type TableEntry, tableText } from "../user/index.ts";
import { mapBtf } from "./kernel-btf.ts";
import { cpuStride, mapEntries, unlisted } from "./map-entries.ts";
import { writeFormatted } from "./map-text.ts";
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

/** Maps whose elements can be read one by one. */
function isReadable(sys: BpfCommands, map: ReportedMap): boolean {
  return map.info.keySize > 0 && map.info.valueSize > 0 && unlisted(sys, map) === null;
}

/** The maps of an object as tables: by their types, data sections one variable a line. */
export function mapsText(sys: BpfCommands, maps: readonly ReportedMap[], style: Style): string {
  return maps
    .filter((map) => isReadable(sys, map))
    .map((map) => mapText(sys, map, style))
    .filter((text) => text !== "")
    .join("\n");
}

function mapText(sys: BpfCommands, map: ReportedMap, style: Style): string {
  const { info } = map;
  const btf = mapBtf(sys, info);
  const entries = entriesOf(sys, map);
  const type = mapTypeNames[info.type] ?? `type ${info.type}`;
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
    type,
    `${countText(entries.length)} of ${quantityText(info.maxEntries, "entry", "entries")}`,
    ...(cpus > 1 ? [`sums of ${cpus} CPUs`] : []),
  ];
  const head = `${style.bold(map.name)}  ${style.dim(facts.join(", "))}\n`;
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

/** The maps in JSON: their elements as `map dump` without -j formats them, by their types. */
export function writeMapsJson(json: JsonWriter, sys: BpfCommands, maps: readonly ReportedMap[]): void {
  json.name("maps").startArray();
  for (const map of maps.filter((each) => isReadable(sys, each))) {
    const btf = mapBtf(sys, map.info);
    json
      .startObject()
      .field("name", map.name)
      .field("type", mapTypeNames[map.info.type] ?? map.info.type);
    json.name("elements").startArray();
    for (const entry of mapEntries(sys, map.fd, map.info)) {
      if (entry.value === null) continue;
      if (btf !== null) writeFormatted(json, map.info, entry, btf, false);
    }
    json.endArray().endObject();
  }
  json.endArray();
}
