import { type Btf, type JsonWriter, writeValue } from "../btf/index.ts";
import type { MapInfo } from "../sys/index.ts";
import { BpfMapType, Errno, errnoMessage, mapTypeNames } from "../uapi/index.ts";
import { cpuStride, type MapEntry } from "./map-entries.ts";

const OF_MAPS: ReadonlySet<number> = new Set([BpfMapType.ARRAY_OF_MAPS, BpfMapType.HASH_OF_MAPS]);

/** Bytes as bpftool prints them: 16 a line, a wider gap after 8. */
function hexDump(bytes: Uint8Array): string {
  let text = "";
  bytes.forEach((byte, at) => {
    const gap = at === 0 ? "" : at % 16 === 0 ? "\n" : at % 8 === 0 ? "  " : " ";
    text += gap + hex2(byte);
  });
  return text;
}

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** What a map's slot without a value means: nothing, where the map holds references. */
function hasNothing(info: MapInfo, why: number): boolean {
  return (OF_MAPS.has(info.type) || info.type === BpfMapType.PROG_ARRAY) && why === Errno.ENOENT;
}

/** An element as `map dump` prints it where there is no BTF. */
export function entryText(info: MapInfo, { key, value, why }: MapEntry): string {
  if (value === null) {
    if (hasNothing(info, why)) return "";
    const message = errorText(info, why);
    const broken = info.keySize > 16 || message.length > 16;
    const single = info.keySize + message.length <= 24 && !broken;
    const gap = broken ? "\n" : " ";
    return `key:${gap}${hexDump(key)}${single ? "  " : "\n"}value:${gap}${message}\n`;
  }
  if (info.perCpu) return perCpuText(info, key, value);
  const broken = info.keySize > 16 || info.valueSize > 16;
  const gap = broken ? "\n" : " ";
  let text = "";
  if (info.keySize > 0) {
    const single = info.keySize + info.valueSize <= 24 && !broken;
    text += `key:${gap}${hexDump(key)}${single ? "  " : "\n"}`;
  }
  if (OF_MAPS.has(info.type)) text += `inner_map_id:${gap}${firstWord(value)} `;
  else if (info.valueSize > 0) text += `value:${gap}${hexDump(value)}`;
  return `${text}\n`;
}

function perCpuText(info: MapInfo, key: Uint8Array, value: Uint8Array): string {
  const stride = cpuStride(info);
  const gap = info.valueSize > 16 ? "\n" : " ";
  let text = info.keySize > 0 ? `key:\n${hexDump(key)}\n` : "";
  for (let cpu = 0; (cpu + 1) * stride <= value.length; cpu++) {
    const bytes = value.subarray(cpu * stride, cpu * stride + info.valueSize);
    text += `value (CPU ${String(cpu).padStart(2, "0")}):${gap}${hexDump(bytes)}\n`;
  }
  return text;
}

function errorText(info: MapInfo, why: number): string {
  if (why === Errno.ENOENT) return "<no entry>";
  if (why === Errno.ENOSPC && info.type === BpfMapType.REUSEPORT_SOCKARRAY) return "<cannot read>";
  return errnoMessage(why);
}

/** An element in bpftool's JSON: its bytes, and with BTF its values. */
export function writeEntryJson(json: JsonWriter, info: MapInfo, entry: MapEntry, btf: Btf | null): void {
  const { key, value, why } = entry;
  if (value === null) {
    if (hasNothing(info, why)) return;
    json.startObject().name("key");
    writeHex(json, key);
    json.name("value").startObject().field("error", errnoMessage(why)).endObject().endObject();
    return;
  }
  json.startObject().name("key");
  writeHex(json, key);
  if (info.perCpu) {
    const stride = cpuStride(info);
    json.name("values").startArray();
    for (let cpu = 0; (cpu + 1) * stride <= value.length; cpu++) {
      json.startObject().field("cpu", cpu).name("value");
      writeHex(json, value.subarray(cpu * stride, cpu * stride + info.valueSize));
      json.endObject();
    }
    json.endArray();
  } else {
    json.name("value");
    writeHex(json, value);
    if (OF_MAPS.has(info.type)) json.field("inner_map_id", firstWord(value));
  }
  if (btf !== null) {
    json.name("formatted");
    writeFormatted(json, info, entry, btf, false);
  }
  json.endObject();
}

/** An element by its types; `plain` is the form without -j. */
export function writeFormatted(
  json: JsonWriter,
  info: MapInfo,
  { key, value, why }: MapEntry,
  btf: Btf,
  plain: boolean,
): void {
  if (value === null) {
    if (plain && !hasNothing(info, why)) json.startObject().field("error", errorText(info, why)).endObject();
    return;
  }
  json.startObject();
  if (info.btfKeyTypeId !== 0) {
    json.name("key");
    writeValue(btf, info.btfKeyTypeId, key, json, { plain });
  }
  const type = info.btfVmlinuxValueTypeId !== 0 ? info.btfVmlinuxValueTypeId : info.btfValueTypeId;
  if (!info.perCpu) {
    json.name("value");
    writeValue(btf, type, value, json, { plain });
  } else {
    const stride = cpuStride(info);
    json.name("values").startArray();
    for (let cpu = 0; (cpu + 1) * stride <= value.length; cpu++) {
      json.startObject().field("cpu", cpu).name("value");
      writeValue(btf, type, value.subarray(cpu * stride, cpu * stride + info.valueSize), json, { plain });
      json.endObject();
    }
    json.endArray();
  }
  json.endObject();
}

/** `5560: hash  name flows  flags 0x0` */
export function mapHeaderText(info: MapInfo): string {
  const type = mapTypeNames[info.type] ?? `type ${info.type}`;
  const name = info.name === "" ? "" : `name ${info.name}  `;
  return `${info.id}: ${type}  ${name}flags 0x${info.mapFlags.toString(16)}\n`;
}

export function writeMapHeader(json: JsonWriter, info: MapInfo): void {
  json.field("id", info.id).field("type", mapTypeNames[info.type] ?? info.type);
  if (info.name !== "") json.field("name", info.name);
  json.field("flags", info.mapFlags);
}

function writeHex(json: JsonWriter, bytes: Uint8Array): void {
  json.startArray();
  for (const byte of bytes) json.string(`0x${hex2(byte)}`);
  json.endArray();
}

function firstWord(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
}
