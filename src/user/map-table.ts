import { hexOf } from "../base/index.ts";
import { type Btf, type BtfValue, decodeValue } from "../btf/index.ts";
import { type Field, fieldsOf, fieldText, isNumeric } from "./fields.ts";
import type { Column } from "./table.ts";

/** What a table needs to know of a map. */
export interface TableMap {
  /** Types in the BTF; 0 where there are none. */
  readonly keyType: number;
  readonly valueType: number;
  /** Null: keys and values are shown as bytes. */
  readonly btf: Btf | null;
}

/** An element: one value, or one for each CPU. */
export interface TableEntry {
  readonly key: Uint8Array;
  readonly values: readonly Uint8Array[];
}

/** A map as rows and columns. */
export interface MapTable {
  readonly columns: readonly Column[];
  /** The rows in the order asked for. */
  readonly rows: readonly (readonly string[])[];
  /** Elements that are not shown because all of their value is zero. */
  readonly zeros: number;
}

/** How {@link mapTable} chooses and orders rows. */
export interface MapTableOptions {
  /** Leave out elements whose value is all zeros (arrays have one for every index). */
  readonly hideZeros?: boolean;
  /** Largest first, by the first number of the value; otherwise in the map's order. */
  readonly largestFirst?: boolean;
}

interface Row {
  readonly cells: readonly Field[];
  readonly weight: number | bigint;
}

/** Lays out a map's elements by the types of its keys and values. Numbers of several CPUs are added up. */
export function mapTable(
  map: TableMap,
  entries: readonly TableEntry[],
  options: MapTableOptions = {},
): MapTable {
  const rows: Row[] = [];
  let zeros = 0;
  for (const entry of entries) {
    if (options.hideZeros === true && entry.values.every(isZero)) {
      zeros++;
      continue;
    }
    rows.push(rowOf(map, entry));
  }
  if (options.largestFirst === true)
    rows.sort((one, other) => compare(other.weight, one.weight) || byText(one, other));
  const columns: Column[] = (rows[0]?.cells ?? []).map(({ path, value }) => ({
    name: path,
    right: isNumeric(value),
  }));
  // Types are the same in all rows; only an enum may be a name in one and a number in another.
  return { columns, rows: rows.map(({ cells }) => cells.map(fieldText)), zeros };
}

function rowOf({ btf, keyType, valueType }: TableMap, { key, values }: TableEntry): Row {
  const keyFields = key.length === 0 ? [] : fieldsIn(btf, keyType, key, "key");
  const perCpu = values.map((value) => fieldsIn(btf, valueType, value, "value"));
  const valueFields = perCpu.length === 1 ? perCpu[0]! : summed(perCpu);
  const weight = valueFields.find(({ value }) => isNumeric(value))?.value;
  const used = new Set(keyFields.map(({ path }) => path));
  const cells = [
    ...keyFields,
    // A name of the key may come again in the value.
    ...valueFields.map((field) => (used.has(field.path) ? { ...field, path: `value.${field.path}` } : field)),
  ];
  return { cells, weight: isNumeric(weight ?? null) ? (weight as number | bigint) : 0 };
}

function fieldsIn(btf: Btf | null, type: number, bytes: Uint8Array, name: string): Field[] {
  if (btf === null || type === 0) return [{ path: name, value: hexOf(bytes) }];
  const value: BtfValue = decodeValue(btf, type, bytes);
  return fieldsOf(value, name);
}

/** The values of all CPUs as one: sums of numbers, the first one's text. */
function summed(perCpu: readonly (readonly Field[])[]): Field[] {
  return (perCpu[0] ?? []).map(({ path, value }, at) => {
    if (!isNumeric(value)) return { path, value };
    let sum: number | bigint = typeof value === "bigint" ? 0n : 0;
    for (const fields of perCpu) sum = added(sum, fields[at]!.value);
    return { path, value: sum };
  });
}

/** Hash tables have no order of their own: the same table must look the same each time. */
function byText(one: Row, other: Row): number {
  for (const [at, field] of one.cells.entries()) {
    const [left, right] = [fieldText(field), fieldText(other.cells[at]!)];
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

function added(sum: number | bigint, value: Field["value"]): number | bigint {
  if (typeof sum === "bigint") return typeof value === "bigint" ? sum + value : sum;
  return typeof value === "number" ? sum + value : sum;
}

function compare(one: number | bigint, other: number | bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
