import { s64 } from "../../base/index.ts";
import { JsonWriter } from "../json.ts";
import { BtfKind, KIND_NAMES } from "../kinds.ts";
import type { Btf } from "../model.ts";
import type { ByteSink } from "./byte-sink.ts";

const CHUNK = 1 << 16;
const INT_ENCODINGS: Readonly<Record<number, string>> = { 0: "(none)", 1: "SIGNED", 2: "CHAR", 4: "BOOL" };
const LINKAGES = ["static", "global", "extern"];

/** How {@link dumpRawJson} writes. */
export interface RawJsonOptions {
  readonly pretty?: boolean;
  /** The types to write; without it all that are the BTF's own and not its base's. */
  readonly ids?: readonly number[];
}

/**
 * Writes types as `bpftool -j btf dump` does: `{"types":[{"id":1,"kind":"INT", …}]}`, without a final line break.
 * Throws FormatError for an id that is not one of the BTF.
 */
export function dumpRawJson(btf: Btf, sink: ByteSink, options: RawJsonOptions = {}): void {
  const json = new JsonWriter({ pretty: options.pretty ?? false });
  json.startObject().name("types").startArray();
  const write = (id: number) => {
    writeType(btf, id, json);
    if (json.out.length < CHUNK) return;
    sink(json.out.view());
    json.out.clear();
  };
  if (options.ids === undefined) {
    for (let id = btf.firstId; id < btf.count; id++) write(id);
  } else {
    for (const id of options.ids) {
      if (!btf.has(id)) throw btf.error(0, `expected a type id below ${btf.count}, got ${id}`);
      write(id);
    }
  }
  json.endArray().endObject();
  sink(json.out.view());
}

function writeType(btf: Btf, id: number, json: JsonWriter): void {
  const kind = btf.kind(id);
  json.startObject().field("id", id).field("kind", KIND_NAMES[kind]!);
  json.field("name", nameAt(btf, btf.nameOffset(id)));
  switch (kind) {
    case BtfKind.INT: {
      const info = btf.intInfo(id);
      json.field("size", btf.size(id)).field("bits_offset", (info >>> 16) & 0xff);
      json.field("nr_bits", info & 0xff).field("encoding", INT_ENCODINGS[(info >>> 24) & 0xf] ?? "UNKN");
      break;
    }
    case BtfKind.PTR:
    case BtfKind.CONST:
    case BtfKind.VOLATILE:
    case BtfKind.RESTRICT:
    case BtfKind.TYPEDEF:
    case BtfKind.TYPE_TAG:
      json.field("type_id", btf.ref(id));
      break;
    case BtfKind.ARRAY:
      json.field("type_id", btf.elementType(id)).field("index_type_id", btf.word(id, 4));
      json.field("nr_elems", btf.elementCount(id));
      break;
    case BtfKind.STRUCT:
    case BtfKind.UNION:
      writeMembers(btf, id, json);
      break;
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      writeEnumerators(btf, id, kind === BtfKind.ENUM64, json);
      break;
    case BtfKind.FWD:
      json.field("fwd_kind", btf.kflag(id) ? "union" : "struct");
      break;
    case BtfKind.FUNC:
      json.field("type_id", btf.ref(id)).field("linkage", LINKAGES[btf.vlen(id)] ?? "(unknown)");
      break;
    case BtfKind.FUNC_PROTO:
      writeParams(btf, id, json);
      break;
    case BtfKind.VAR:
      json.field("type_id", btf.ref(id)).field("linkage", LINKAGES[btf.word(id, 3)] ?? "(unknown)");
      break;
    case BtfKind.DATASEC:
      writeVariables(btf, id, json);
      break;
    case BtfKind.FLOAT:
      json.field("size", btf.size(id));
      break;
    case BtfKind.DECL_TAG:
      json.field("type_id", btf.ref(id)).field("component_idx", btf.word(id, 3) | 0);
      break;
  }
  json.endObject();
}

function writeMembers(btf: Btf, id: number, json: JsonWriter): void {
  const vlen = btf.vlen(id);
  json.field("size", btf.size(id)).field("vlen", vlen).name("members").startArray();
  for (let i = 0; i < vlen; i++) {
    json.startObject().field("name", nameAt(btf, btf.memberNameOffset(id, i)));
    json.field("type_id", btf.memberType(id, i)).field("bits_offset", btf.memberBitOffset(id, i));
    const bits = btf.memberBitSize(id, i);
    if (bits !== 0) json.field("bitfield_size", bits);
    json.endObject();
  }
  json.endArray();
}

function writeEnumerators(btf: Btf, id: number, wide: boolean, json: JsonWriter): void {
  const vlen = btf.vlen(id);
  const signed = btf.kflag(id);
  json.field("encoding", signed ? "SIGNED" : "UNSIGNED").field("size", btf.size(id));
  json.field("vlen", vlen).name("values").startArray();
  for (let i = 0; i < vlen; i++) {
    const at = 3 + i * (wide ? 3 : 2);
    // bpftool widens a 32-bit value with its sign before it prints it, whatever the enum says of signs.
    const value = wide ? s64(btf.word(id, at + 1), btf.word(id, at + 2)) : BigInt(btf.word(id, at + 1) | 0);
    json.startObject().field("name", nameAt(btf, btf.word(id, at)));
    json.field("val", signed ? value : BigInt.asUintN(64, value)).endObject();
  }
  json.endArray();
}

function writeParams(btf: Btf, id: number, json: JsonWriter): void {
  const vlen = btf.vlen(id);
  json.field("ret_type_id", btf.ref(id)).field("vlen", vlen).name("params").startArray();
  for (let i = 0; i < vlen; i++) {
    json.startObject().field("name", nameAt(btf, btf.word(id, 3 + i * 2)));
    json.field("type_id", btf.word(id, 4 + i * 2)).endObject();
  }
  json.endArray();
}

function writeVariables(btf: Btf, id: number, json: JsonWriter): void {
  const vlen = btf.vlen(id);
  json.field("size", btf.size(id)).field("vlen", vlen).name("vars").startArray();
  for (let i = 0; i < vlen; i++) {
    const at = 3 + i * 3;
    json
      .startObject()
      .field("type_id", btf.word(id, at))
      .field("offset", btf.word(id, at + 1));
    json.field("size", btf.word(id, at + 2)).endObject();
  }
  json.endArray();
}

function nameAt(btf: Btf, offset: number): string {
  return offset === 0 ? "(anon)" : btf.string(offset);
}
