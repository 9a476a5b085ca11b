import { BtfKind, KIND_NAMES } from "../../src/btf/kinds.ts";
import { type LineFormats, namedFormats } from "./line-format.ts";

const INT = (encoding: string) =>
  `[{id}] INT '{s 0}' size={u 2} bits_offset={u 3 16 8} nr_bits={u 3 0 8} encoding=${encoding}\n`;
const FUNC = (linkage: string) => `[{id}] FUNC '{s 0}' type_id={u 2} linkage=${linkage}\n`;
const VAR = (linkage: string) => `[{id}] VAR '{s 0}' type_id={u 2}, linkage=${linkage}\n`;
const ENUM = (kind: number, sign: string) =>
  `[{id}] ${KIND_NAMES[kind]} '{s 0}' encoding=${sign} size={u 2} vlen={u 1 0 16}\n`;

/** How a type of each kind begins; where a kind has several forms, this is the first. */
function formOf(kind: number): string {
  switch (kind) {
    case BtfKind.VOID:
      return "[{id}] UNKNOWN '{s 0}'\n";
    case BtfKind.INT:
      return INT("(none)");
    case BtfKind.ARRAY:
      return "[{id}] ARRAY '{s 0}' type_id={u 3} index_type_id={u 4} nr_elems={u 5}\n";
    case BtfKind.STRUCT:
    case BtfKind.UNION:
    case BtfKind.DATASEC:
      return `[{id}] ${KIND_NAMES[kind]} '{s 0}' size={u 2} vlen={u 1 0 16}\n`;
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      return ENUM(kind, "UNSIGNED");
    case BtfKind.FWD:
      return "[{id}] FWD '{s 0}' fwd_kind=struct\n";
    case BtfKind.FUNC:
      return FUNC("static");
    case BtfKind.FUNC_PROTO:
      return "[{id}] FUNC_PROTO '{s 0}' ret_type_id={u 2} vlen={u 1 0 16}\n";
    case BtfKind.VAR:
      return VAR("static");
    case BtfKind.FLOAT:
      return "[{id}] FLOAT '{s 0}' size={u 2}\n";
    case BtfKind.DECL_TAG:
      return "[{id}] DECL_TAG '{s 0}' type_id={u 2} component_idx={d 3}\n";
    default:
      return `[{id}] ${KIND_NAMES[kind]} '{s 0}' type_id={u 2}\n`;
  }
}

const KINDS = Object.fromEntries(KIND_NAMES.map((_, kind) => [`kind${kind}`, formOf(kind)]));
const VARIABLE_NAMES = Object.fromEntries(
  KIND_NAMES.map((name, kind) => [`variableName${kind}`, `${name} '{s 0}')\n`]),
);

const RAW = namedFormats({
  ...(KINDS as Record<"kind0", string>),
  member: "\t'{s 0}' type_id={u 1} bits_offset={u 2}\n",
  memberKflag: "\t'{s 0}' type_id={u 1} bits_offset={u 2 0 24}\n",
  memberBits: "\t'{s 0}' type_id={u 1} bits_offset={u 2 0 24} bitfield_size={u 2 24 8}\n",
  param: "\t'{s 0}' type_id={u 1}\n",
  value: "\t'{s 0}' val={u 1}\n",
  valueSigned: "\t'{s 0}' val={d 1}\n",
  wideValue: "\t'{s 0}' val=",
  signedEnd: "LL\n",
  unsignedEnd: "ULL\n",
  variable: "\ttype_id={u 0} offset={u 1} size={u 2} (",
  ...(VARIABLE_NAMES as Record<"variableName0", string>),
  fwdUnion: "[{id}] FWD '{s 0}' fwd_kind=union\n",
  enumSigned: ENUM(BtfKind.ENUM, "SIGNED"),
  enum64Signed: ENUM(BtfKind.ENUM64, "SIGNED"),
  intSigned: INT("SIGNED"),
  intChar: INT("CHAR"),
  intUnknown: INT("UNKN"),
  intBool: INT("BOOL"),
  funcGlobal: FUNC("global"),
  funcExtern: FUNC("extern"),
  funcUnknown: FUNC("(unknown)"),
  varGlobal: VAR("global"),
  varExtern: VAR("extern"),
  varUnknown: VAR("(unknown)"),
});

/** What a raw dump is made of. */
export const R = RAW.id;
export const RAW_FORMATS: LineFormats = RAW.formats;
