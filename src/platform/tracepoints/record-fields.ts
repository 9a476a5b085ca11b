import { type Btf, BtfKind, IntEncoding, isModifier } from "../../btf/index.ts";

/** A field of a trace event's record, as format files of tracefs have it. */
export interface RecordField {
  readonly name: string;
  /** Type and name as in C: `"char comm[16]"`, `"__data_loc char[] filename"`. */
  readonly text: string;
  /** From the start of the record, in bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  readonly signed: boolean;
  /** What `__data_loc` and `__rel_loc` fields are: where in the record the data is, and how long. */
  readonly dynamic: "data" | "relative" | null;
  /** An array of characters or bytes. */
  readonly array: boolean;
}

/** What every record begins with (`struct trace_entry`). */
const ENTRY = "ent";
const DYNAMIC = "__data";
const LOCATIONS = [
  ["__data_loc_", "data"],
  ["__rel_loc_", "relative"],
] as const;

/** Integers as C programs write them, where the compiler's debugging information has them otherwise. */
const C_NAMES: ReadonlyMap<string, string> = new Map([
  ["long int", "long"],
  ["long unsigned int", "unsigned long"],
  ["long long int", "long long"],
  ["long long unsigned int", "unsigned long long"],
  ["short int", "short"],
  ["short unsigned int", "unsigned short"],
  ["_Bool", "bool"],
]);

/** The fields behind the entry of a record whose struct (`trace_event_raw_CLASS`) is at an id. */
export function recordFields(btf: Btf, id: number): RecordField[] {
  const fields: RecordField[] = [];
  for (let member = 0; member < btf.vlen(id); member++) {
    const name = btf.memberName(id, member);
    if ((member === 0 && name === ENTRY) || name === DYNAMIC) continue;
    fields.push(fieldOf(btf, name, btf.memberType(id, member), btf.memberBitOffset(id, member) >> 3));
  }
  return fields;
}

function fieldOf(btf: Btf, member: string, type: number, offset: number): RecordField {
  const common = { offset, size: btf.sizeOf(type), signed: isSigned(btf, type) };
  for (const [prefix, dynamic] of LOCATIONS) {
    if (!member.startsWith(prefix)) continue;
    const name = member.slice(prefix.length);
    return { ...common, name, text: `${prefix.slice(0, -1)} char[] ${name}`, dynamic, array: true };
  }
  let dimensions = "";
  let element = type;
  while (btf.kind(element) === BtfKind.ARRAY) {
    dimensions += `[${btf.elementCount(element)}]`;
    element = btf.elementType(element);
  }
  const text = `${typeText(btf, element)} ${member}${dimensions}`;
  return { ...common, name: member, text, dynamic: null, array: dimensions !== "" };
}

/** A type as C has it, of those that records are made of. */
function typeText(btf: Btf, id: number): string {
  switch (btf.kind(id)) {
    case BtfKind.VOID:
      return "void";
    case BtfKind.STRUCT:
    case BtfKind.FWD:
      return `struct ${btf.name(id)}`;
    case BtfKind.UNION:
      return `union ${btf.name(id)}`;
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      return `enum ${btf.name(id)}`;
    case BtfKind.PTR: {
      const target = typeText(btf, btf.ref(id));
      return target.endsWith("*") ? `${target}*` : `${target} *`;
    }
    case BtfKind.CONST:
      return btf.kind(btf.ref(id)) === BtfKind.PTR
        ? `${typeText(btf, btf.ref(id))} const`
        : `const ${typeText(btf, btf.ref(id))}`;
    case BtfKind.VOLATILE:
      return `volatile ${typeText(btf, btf.ref(id))}`;
    case BtfKind.TYPE_TAG:
    case BtfKind.RESTRICT:
      return typeText(btf, btf.ref(id));
    case BtfKind.ARRAY:
      return typeText(btf, btf.elementType(id));
    default:
      return C_NAMES.get(btf.name(id)) ?? btf.name(id);
  }
}

/** `is_signed_type`, of an array that of its elements. */
function isSigned(btf: Btf, type: number): boolean {
  let id = type;
  for (;;) {
    const kind = btf.kind(id);
    if (kind === BtfKind.ARRAY) id = btf.elementType(id);
    else if (isModifier(kind) || kind === BtfKind.TYPEDEF) id = btf.ref(id);
    else if (kind === BtfKind.INT) return ((btf.intInfo(id) >>> 24) & IntEncoding.SIGNED) !== 0;
    else return (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) && btf.kflag(id);
  }
}
