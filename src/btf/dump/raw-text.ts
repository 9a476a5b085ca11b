import { s64, u64 } from "../../base/index.ts";
import { BtfKind, KIND_NAMES } from "../kinds.ts";
import type { Btf } from "../model.ts";
import { type ByteSink, LineWriter, lineFormats } from "./line-format.ts";

const INT = (encoding: string) =>
  `[{id}] INT '{s 0}' size={u 2} bits_offset={u 3 16 8} nr_bits={u 3 0 8} encoding=${encoding}\n`;
const FUNC = (linkage: string) => `[{id}] FUNC '{s 0}' type_id={u 2} linkage=${linkage}\n`;
const VAR = (linkage: string) => `[{id}] VAR '{s 0}' type_id={u 2}, linkage=${linkage}\n`;
const REFERENCE = (kind: number) => `[{id}] ${KIND_NAMES[kind]} '{s 0}' type_id={u 2}\n`;
const SIZED = (kind: number) => `[{id}] ${KIND_NAMES[kind]} '{s 0}' size={u 2} vlen={u 1 0 16}\n`;
const ENUM = (kind: number, sign: string) =>
  `[{id}] ${KIND_NAMES[kind]} '{s 0}' encoding=${sign} size={u 2} vlen={u 1 0 16}\n`;

/** Formats 0 to 19 are those of the kinds; where a kind has several, the others follow. */
const FORMATS = lineFormats([
  "[{id}] UNKNOWN '{s 0}'\n",
  INT("(none)"),
  REFERENCE(BtfKind.PTR),
  "[{id}] ARRAY '{s 0}' type_id={u 3} index_type_id={u 4} nr_elems={u 5}\n",
  SIZED(BtfKind.STRUCT),
  SIZED(BtfKind.UNION),
  ENUM(BtfKind.ENUM, "UNSIGNED"),
  "[{id}] FWD '{s 0}' fwd_kind=struct\n",
  REFERENCE(BtfKind.TYPEDEF),
  REFERENCE(BtfKind.VOLATILE),
  REFERENCE(BtfKind.CONST),
  REFERENCE(BtfKind.RESTRICT),
  FUNC("static"),
  "[{id}] FUNC_PROTO '{s 0}' ret_type_id={u 2} vlen={u 1 0 16}\n",
  VAR("static"),
  SIZED(BtfKind.DATASEC),
  "[{id}] FLOAT '{s 0}' size={u 2}\n",
  "[{id}] DECL_TAG '{s 0}' type_id={u 2} component_idx={d 3}\n",
  REFERENCE(BtfKind.TYPE_TAG),
  ENUM(BtfKind.ENUM64, "UNSIGNED"),
  // 20: elements
  "\t'{s 0}' type_id={u 1} bits_offset={u 2}\n",
  "\t'{s 0}' type_id={u 1} bits_offset={u 2 0 24}\n",
  "\t'{s 0}' type_id={u 1} bits_offset={u 2 0 24} bitfield_size={u 2 24 8}\n",
  "\t'{s 0}' type_id={u 1}\n",
  "\t'{s 0}' val={u 1}\n",
  "\t'{s 0}' val={d 1}\n",
  "\t'{s 0}' val=",
  "\ttype_id={u 0} offset={u 1} size={u 2} (",
  "{s 0}')\n",
  // 29: the other forms of kinds
  "[{id}] FWD '{s 0}' fwd_kind=union\n",
  ENUM(BtfKind.ENUM, "SIGNED"),
  ENUM(BtfKind.ENUM64, "SIGNED"),
  INT("SIGNED"),
  INT("CHAR"),
  INT("UNKN"),
  INT("BOOL"),
  FUNC("global"),
  FUNC("extern"),
  FUNC("(unknown)"),
  VAR("global"),
  VAR("extern"),
  VAR("(unknown)"),
]);

const MEMBER = 20;
const MEMBER_KFLAG = 21;
const MEMBER_BITFIELD = 22;
const PARAM = 23;
const VALUE = 24;
const VALUE_SIGNED = 25;
const VALUE_64 = 26;
const VARIABLE = 27;
const VARIABLE_NAME = 28;
const FWD_UNION = 29;
const ENUM_SIGNED = 30;
const ENUM64_SIGNED = 31;
const INT_SIGNED = 32;
const FUNC_GLOBAL = 36;
const VAR_GLOBAL = 39;

/**
 * Writes types as `bpftool btf dump` prints them: `[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED`.
 * Without a list of ids, all types that are the BTF's own and not its base's. Throws FormatError for an id that is
 * not one of the BTF.
 */
export function dumpRawText(btf: Btf, sink: ByteSink, ids?: readonly number[]): void {
  const dump = new RawTextDump(btf, sink);
  if (ids === undefined) {
    for (let id = btf.firstId; id < btf.count; id++) dump.type(id);
  } else {
    for (const id of ids) {
      if (!btf.has(id)) throw btf.error(0, `expected a type id below ${btf.count}, got ${id}`);
      dump.type(id);
    }
  }
  dump.finish();
}

class RawTextDump {
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  readonly #lines: LineWriter;

  constructor(btf: Btf, sink: ByteSink) {
    const { words, index, strings } = btf.tables();
    this.#words = words;
    this.#index = index;
    this.#lines = new LineWriter(words, strings, FORMATS, "(anon)", sink);
  }

  /** Writes one type with its elements. The id must be one of the BTF. */
  type(id: number): void {
    const at = this.#index[id]!;
    const info = this.#words[at + 1]!;
    const kind = (info >>> 24) & 0x1f;
    this.#lines.line(this.format(kind, info, at), at, id);
    const vlen = info & 0xffff;
    if (vlen === 0) return;
    if (kind === BtfKind.FUNC_PROTO) this.elements(at + 3, vlen, 2, PARAM);
    else if (kind === BtfKind.STRUCT || kind === BtfKind.UNION) this.members(at + 3, vlen, info);
    else if (kind === BtfKind.ENUM) this.elements(at + 3, vlen, 2, info >>> 31 === 1 ? VALUE_SIGNED : VALUE);
    else if (kind === BtfKind.DATASEC) this.variables(at + 3, vlen);
    else if (kind === BtfKind.ENUM64) this.wideValues(at + 3, vlen, info >>> 31 === 1);
  }

  /** Hands on what is left of the output. */
  finish(): void {
    this.#lines.finish();
  }

  private format(kind: number, info: number, at: number): number {
    if (kind === BtfKind.FUNC) return alternative(kind, FUNC_GLOBAL, info & 0xffff);
    if (kind === BtfKind.INT) return intFormat((this.#words[at + 3]! >>> 24) & 0xf);
    if (kind === BtfKind.VAR) return alternative(kind, VAR_GLOBAL, this.#words[at + 3]!);
    if (info >>> 31 === 1) {
      if (kind === BtfKind.ENUM) return ENUM_SIGNED;
      if (kind === BtfKind.ENUM64) return ENUM64_SIGNED;
      if (kind === BtfKind.FWD) return FWD_UNION;
    }
    return kind;
  }

  private elements(first: number, vlen: number, step: number, format: number): void {
    const end = first + vlen * step;
    for (let at = first; at < end; at += step) this.#lines.line(format, at, 0);
  }

  private members(first: number, vlen: number, info: number): void {
    const end = first + vlen * 3;
    const plain = info >>> 31 === 1 ? MEMBER_KFLAG : MEMBER;
    for (let at = first; at < end; at += 3) {
      const bitfield = plain === MEMBER_KFLAG && this.#words[at + 2]! >>> 24 !== 0;
      this.#lines.line(bitfield ? MEMBER_BITFIELD : plain, at, 0);
    }
  }

  private variables(first: number, vlen: number): void {
    const end = first + vlen * 3;
    for (let at = first; at < end; at += 3) {
      const target = this.#index[this.#words[at]!]!;
      this.#lines.line(VARIABLE, at, 0);
      this.#lines.text(`${KIND_NAMES[(this.#words[target + 1]! >>> 24) & 0x1f]} '`);
      this.#lines.line(VARIABLE_NAME, target, 0);
    }
  }

  private wideValues(first: number, vlen: number, signed: boolean): void {
    const end = first + vlen * 3;
    for (let at = first; at < end; at += 3) {
      const low = this.#words[at + 1]!;
      const high = this.#words[at + 2]!;
      this.#lines.line(VALUE_64, at, 0);
      this.#lines.text(signed ? `${s64(low, high)}LL\n` : `${u64(low, high)}ULL\n`);
    }
  }
}

/** The first form is the kind's own format; the second, third and any other value's follow each other. */
function alternative(kind: number, second: number, value: number): number {
  return value === 0 ? kind : second + Math.min(value, 3) - 1;
}

/** `BTF_INT_SIGNED`, `_CHAR` and `_BOOL` have names; a mixture has none. */
function intFormat(encoding: number): number {
  return encoding === 0 ? BtfKind.INT : INT_SIGNED + INT_FORMS[encoding]!;
}

/** 0 SIGNED, 1 CHAR, 2 unknown, 3 BOOL. */
const INT_FORMS = [2, 0, 1, 2, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2];
