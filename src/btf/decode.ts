import { s64, u64 } from "../base/index.ts";
import { BtfKind, FUNC_LINKAGES, IntEncoding, KIND_NAMES, VAR_LINKAGES } from "./kinds.ts";
import type {
  BtfEnumerator,
  BtfLinkage,
  BtfMember,
  BtfParam,
  BtfRef,
  BtfSectionVariable,
  BtfType,
} from "./types.ts";
import type { BtfView } from "./view.ts";

/** One type as a plain object. The id must be one of the BTF. */
export function decodeType(btf: BtfView, id: number): BtfType {
  const name = btf.name(id);
  const kind = btf.kind(id);
  switch (kind) {
    case BtfKind.INT: {
      const info = btf.word(id, 3);
      const encoding = (info >>> 24) & 0xf;
      return {
        kind: "INT",
        id,
        name,
        size: btf.size(id),
        bits: info & 0xff,
        bitOffset: (info >>> 16) & 0xff,
        signed: (encoding & IntEncoding.SIGNED) !== 0,
        char: (encoding & IntEncoding.CHAR) !== 0,
        bool: (encoding & IntEncoding.BOOL) !== 0,
      };
    }
    case BtfKind.PTR:
    case BtfKind.TYPEDEF:
    case BtfKind.VOLATILE:
    case BtfKind.CONST:
    case BtfKind.RESTRICT:
      return { kind: KIND_NAMES[kind] as BtfRef["kind"], id, name, type: btf.ref(id) };
    case BtfKind.ARRAY:
      return {
        kind: "ARRAY",
        id,
        name,
        type: btf.word(id, 3),
        indexType: btf.word(id, 4),
        count: btf.word(id, 5),
      };
    case BtfKind.STRUCT:
    case BtfKind.UNION:
      return {
        kind: kind === BtfKind.STRUCT ? "STRUCT" : "UNION",
        id,
        name,
        size: btf.size(id),
        members: membersOf(btf, id),
      };
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      return {
        kind: kind === BtfKind.ENUM ? "ENUM" : "ENUM64",
        id,
        name,
        size: btf.size(id),
        signed: btf.kflag(id),
        values: enumeratorsOf(btf, id),
      };
    case BtfKind.FWD:
      return { kind: "FWD", id, name, of: btf.kflag(id) ? "union" : "struct" };
    case BtfKind.FUNC:
      return { kind: "FUNC", id, name, type: btf.ref(id), linkage: linkage(FUNC_LINKAGES, btf.vlen(id)) };
    case BtfKind.FUNC_PROTO:
      return { kind: "FUNC_PROTO", id, name, returns: btf.ref(id), params: paramsOf(btf, id) };
    case BtfKind.VAR:
      return { kind: "VAR", id, name, type: btf.ref(id), linkage: linkage(VAR_LINKAGES, btf.word(id, 3)) };
    case BtfKind.DATASEC:
      return { kind: "DATASEC", id, name, size: btf.size(id), variables: variablesOf(btf, id) };
    case BtfKind.FLOAT:
      return { kind: "FLOAT", id, name, size: btf.size(id) };
    case BtfKind.DECL_TAG:
      return {
        kind: "DECL_TAG",
        id,
        name,
        type: btf.ref(id),
        component: btf.word(id, 3) | 0,
        attribute: btf.kflag(id),
      };
    case BtfKind.TYPE_TAG:
      return { kind: "TYPE_TAG", id, name, type: btf.ref(id), attribute: btf.kflag(id) };
    default:
      return { kind: "VOID", id, name };
  }
}

/** Value of an enumerator: a number in an ENUM, a `bigint` in an ENUM64. */
export function enumeratorValue(btf: BtfView, id: number, element: number): number | bigint {
  const signed = btf.kflag(id);
  if (btf.kind(id) === BtfKind.ENUM) {
    const value = btf.word(id, 4 + element * 2);
    return signed ? value | 0 : value;
  }
  const low = btf.word(id, 4 + element * 3);
  const high = btf.word(id, 5 + element * 3);
  return signed ? s64(low, high) : u64(low, high);
}

/** Name of an enumerator of an ENUM or ENUM64. */
export function enumeratorName(btf: BtfView, id: number, element: number): string {
  return btf.string(btf.word(id, 3 + element * (btf.kind(id) === BtfKind.ENUM ? 2 : 3)));
}

function linkage(names: readonly BtfLinkage[], value: number): BtfLinkage {
  // A number no compiler writes; the kernel rejects it, tools show "(unknown)".
  return names[value] ?? "static";
}

function membersOf(btf: BtfView, id: number): BtfMember[] {
  const members: BtfMember[] = [];
  for (let i = 0, count = btf.vlen(id); i < count; i++) {
    members.push({
      name: btf.memberName(id, i),
      type: btf.memberType(id, i),
      bitOffset: btf.memberBitOffset(id, i),
      bitSize: btf.memberBitSize(id, i),
    });
  }
  return members;
}

function enumeratorsOf(btf: BtfView, id: number): BtfEnumerator[] {
  const values: BtfEnumerator[] = [];
  for (let i = 0, count = btf.vlen(id); i < count; i++) {
    values.push({ name: enumeratorName(btf, id, i), value: enumeratorValue(btf, id, i) });
  }
  return values;
}

function paramsOf(btf: BtfView, id: number): BtfParam[] {
  const params: BtfParam[] = [];
  for (let i = 0, count = btf.vlen(id); i < count; i++) {
    params.push({ name: btf.string(btf.word(id, 3 + i * 2)), type: btf.word(id, 4 + i * 2) });
  }
  return params;
}

function variablesOf(btf: BtfView, id: number): BtfSectionVariable[] {
  const variables: BtfSectionVariable[] = [];
  for (let i = 0, count = btf.vlen(id); i < count; i++) {
    const at = 3 + i * 3;
    variables.push({ type: btf.word(id, at), offset: btf.word(id, at + 1), size: btf.word(id, at + 2) });
  }
  return variables;
}
