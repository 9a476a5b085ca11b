import type { BtfValue } from "../btf/index.ts";
import { formatIpv4, formatIpv6, formatMac } from "../packets/index.ts";

/** One value of a struct, by its path: `first.port`. */
export interface Field {
  readonly path: string;
  readonly value: Exclude<BtfValue, { readonly [name: string]: BtfValue }>;
}

/** The values of a struct and of those in it, in their order; a scalar is a field named `name`. */
export function fieldsOf(value: BtfValue, name: string): Field[] {
  const fields: Field[] = [];
  collect(value, "", name, fields);
  return fields;
}

function collect(value: BtfValue, path: string, scalar: string, into: Field[]): void {
  if (isStruct(value)) {
    for (const [name, inner] of Object.entries(value))
      collect(inner, path === "" ? name : `${path}.${name}`, scalar, into);
    return;
  }
  into.push({ path: path === "" ? scalar : path, value });
}

function isStruct(value: BtfValue): value is { readonly [name: string]: BtfValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a number that columns line up by. */
export function isNumeric(value: BtfValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

const ADDRESS = /addr|(^|_|\.)ip(v?[46])?($|_)|^(src|dst)$/i;
const MAC = /mac|addr|eth|dest|source/i;
const MAX_ELEMENTS = 16;

/**
 * A value for people to read. Arrays of bytes whose name says that they are addresses are written as such, IPv4 inside
 * IPv6 (`::ffff:a.b.c.d`) as IPv4.
 */
export function fieldText({ path, value }: Field): string {
  if (value === null) return "-";
  if (typeof value === "string") return oneLine(value);
  if (!Array.isArray(value)) return String(value);
  const bytes = bytesOf(value as readonly BtfValue[]);
  if (bytes !== null) {
    if (bytes.length === 16 && ADDRESS.test(path)) return addressText(bytes);
    if (bytes.length === 4 && ADDRESS.test(path)) return formatIpv4(bytes, 0);
    if (bytes.length === 6 && MAC.test(path)) return formatMac(bytes, 0);
  }
  const elements = (value as readonly BtfValue[]).slice(0, MAX_ELEMENTS).map((each) => elementText(each));
  const rest = value.length > MAX_ELEMENTS ? ",…" : "";
  return `[${elements.join(",")}${rest}]`;
}

/** Control characters as C writes them: what a program stored must neither end a row nor steer a terminal. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => {
    if (character === "\n") return "\\n";
    return character === "\t" ? "\\t" : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** An address of 16 bytes; one that holds an IPv4 address as that. */
export function addressText(bytes: Uint8Array): string {
  const mapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? formatIpv4(bytes, 12) : formatIpv6(bytes, 0);
}

function elementText(value: BtfValue): string {
  if (!isStruct(value)) return fieldText({ path: "", value: value as Field["value"] });
  const inner = Object.entries(value).map(([name, each]) => `${name}:${elementText(each)}`);
  return `{${inner.join(",")}}`;
}

function bytesOf(values: readonly BtfValue[]): Uint8Array | null {
  for (const value of values) {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 255) return null;
  }
  return Uint8Array.from(values as readonly number[]);
}
