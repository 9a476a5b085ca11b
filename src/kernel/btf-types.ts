import { type Btf, BtfKind } from "../btf/index.ts";
import { Errno } from "../uapi/index.ts";
import { isBtfName } from "./btf-names.ts";

/** What is wrong with a type. */
export interface BtfProblem {
  readonly id: number;
  /** As Linux's log has it: "Invalid name". */
  readonly reason: string;
  /** Positive. */
  readonly errno: number;
}

type Finding = string | { readonly reason: string; readonly errno: number } | null;

const INFO_MASK = 0x9f00_ffff;
const INT_MASK = 0x0fff_ffff;
/** `BTF_MAX_TYPE` */
const MAX_TYPE = 0x000f_ffff;
const MAX_INT_BITS = 128;
const FLOAT_SIZES: ReadonlySet<number> = new Set([2, 4, 8, 12, 16]);
const STATIC = 0;
const GLOBAL = 1;

/**
 * What Linux demands of each type by itself (`btf_check_all_metas`): that its fields hold what its kind may hold. The
 * types lie within the data, and refer to types that exist, already.
 */
export function checkBtfTypes(btf: Btf): BtfProblem | null {
  for (let id = 1; id < btf.count; id++) {
    const finding = checkType(btf, id);
    if (typeof finding === "string") return { id, reason: finding, errno: Errno.EINVAL };
    if (finding !== null) return { id, ...finding };
  }
  return null;
}

function checkType(btf: Btf, id: number): Finding {
  if ((btf.word(id, 1) & ~INFO_MASK) !== 0) return "Invalid btf_info";
  if (btf.nameOffset(id) >= btf.stringEnd) return "Invalid name_offset";
  switch (btf.kind(id)) {
    case BtfKind.INT:
      return plain(btf, id) ?? checkInt(btf.intInfo(id), btf.size(id));
    case BtfKind.PTR:
    case BtfKind.CONST:
    case BtfKind.VOLATILE:
    case BtfKind.RESTRICT:
      return plain(btf, id) ?? refers(btf.ref(id)) ?? unnamed(btf, id);
    case BtfKind.TYPEDEF:
      return plain(btf, id) ?? refers(btf.ref(id)) ?? identified(btf, btf.nameOffset(id));
    case BtfKind.TYPE_TAG:
      return vlenIsZero(btf, id) ?? refers(btf.ref(id)) ?? (btf.name(id) === "" ? "Invalid name" : null);
    case BtfKind.ARRAY:
      return plain(btf, id) ?? unnamed(btf, id) ?? checkArray(btf, id);
    case BtfKind.STRUCT:
    case BtfKind.UNION:
      return nameIfAny(btf, btf.nameOffset(id)) ?? checkMembers(btf, id);
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      return checkEnum(btf, id);
    case BtfKind.FWD:
      if (btf.vlen(id) !== 0) return "vlen != 0";
      return btf.word(id, 2) !== 0 ? "type != 0" : identified(btf, btf.nameOffset(id));
    case BtfKind.FUNC:
      return (
        identified(btf, btf.nameOffset(id)) ??
        (btf.vlen(id) > GLOBAL ? "Invalid func linkage" : null) ??
        kflagIsZero(btf, id)
      );
    case BtfKind.FUNC_PROTO:
      return unnamed(btf, id) ?? kflagIsZero(btf, id);
    case BtfKind.VAR:
      return plain(btf, id) ?? checkVariable(btf, id);
    case BtfKind.DATASEC:
      return checkSection(btf, id);
    case BtfKind.FLOAT:
      return plain(btf, id) ?? (FLOAT_SIZES.has(btf.size(id)) ? null : "Invalid type_size");
    case BtfKind.DECL_TAG:
      if (btf.name(id) === "") return "Invalid value";
      return vlenIsZero(btf, id) ?? ((btf.word(id, 3) | 0) < -1 ? "Invalid component_idx" : null);
    default:
      return "Invalid kind";
  }
}

function vlenIsZero(btf: Btf, id: number): Finding {
  return btf.vlen(id) === 0 ? null : "vlen != 0";
}

function kflagIsZero(btf: Btf, id: number): Finding {
  return btf.kflag(id) ? "Invalid btf_info kind_flag" : null;
}

/** Neither elements nor a flag. */
function plain(btf: Btf, id: number): Finding {
  return vlenIsZero(btf, id) ?? kflagIsZero(btf, id);
}

function unnamed(btf: Btf, id: number): Finding {
  return btf.nameOffset(id) === 0 ? null : "Invalid name";
}

function identified(btf: Btf, offset: number): Finding {
  if (offset >= btf.stringEnd) return "Invalid name_offset";
  return isBtfName(btf, offset, "identifier") ? null : "Invalid name";
}

function nameIfAny(btf: Btf, offset: number): Finding {
  return offset === 0 ? null : identified(btf, offset);
}

/** A reference that may be to void. */
function refers(id: number): Finding {
  return id <= MAX_TYPE ? null : "Invalid type_id";
}

function refersToType(id: number): Finding {
  return id !== 0 && id <= MAX_TYPE ? null : "Invalid type_id";
}

function checkInt(info: number, size: number): Finding {
  if ((info & ~INT_MASK) !== 0) return "Invalid int_data";
  const bits = (info & 0xff) + ((info >>> 16) & 0xff);
  if (bits > MAX_INT_BITS) return "nr_bits exceeds";
  if (Math.ceil(bits / 8) > size) return "nr_bits exceeds type_size";
  const encoding = (info >>> 24) & 0xf;
  if ((encoding & (encoding - 1)) !== 0 || encoding > 4) {
    return { reason: "Unsupported encoding", errno: Errno.ENOTSUPP };
  }
  return null;
}

function checkArray(btf: Btf, id: number): Finding {
  if (btf.word(id, 2) !== 0) return "size != 0";
  if (refersToType(btf.elementType(id)) !== null) return "Invalid elem";
  return refersToType(btf.word(id, 4)) === null ? null : "Invalid index";
}

function checkMembers(btf: Btf, id: number): Finding {
  const isUnion = btf.kind(id) === BtfKind.UNION;
  let last = 0;
  for (let member = 0; member < btf.vlen(id); member++) {
    const problem =
      nameIfAny(btf, btf.memberNameOffset(id, member)) ?? refersToType(btf.memberType(id, member));
    if (problem !== null) return problem;
    const offset = btf.memberBitOffset(id, member);
    if ((isUnion && offset !== 0) || offset < last) return "Invalid member bits_offset";
    if (Math.ceil(offset / 8) > btf.size(id)) return "Member bits_offset exceeds its struct size";
    last = offset;
  }
  return null;
}

function checkEnum(btf: Btf, id: number): Finding {
  const size = btf.size(id);
  if (size > 8 || size === 0 || (size & (size - 1)) !== 0) return "Unexpected size";
  const words = btf.kind(id) === BtfKind.ENUM ? 2 : 3;
  let problem = nameIfAny(btf, btf.nameOffset(id));
  for (let i = 0; problem === null && i < btf.vlen(id); i++)
    problem = identified(btf, btf.word(id, 3 + words * i));
  return problem;
}

function checkVariable(btf: Btf, id: number): Finding {
  const linkage = btf.word(id, 3);
  return (
    identified(btf, btf.nameOffset(id)) ??
    refersToType(btf.ref(id)) ??
    (linkage === STATIC || linkage === GLOBAL ? null : "Linkage not supported")
  );
}

function checkSection(btf: Btf, id: number): Finding {
  const size = btf.size(id);
  if (size === 0) return "size == 0";
  const flagged = kflagIsZero(btf, id);
  if (flagged !== null) return flagged;
  if (!isBtfName(btf, btf.nameOffset(id), "section")) return "Invalid name";
  let end = 0;
  for (let i = 0; i < btf.vlen(id); i++) {
    const at = 3 + 3 * i;
    const [offset, bytes] = [btf.word(id, at + 1), btf.word(id, at + 2)];
    if (refersToType(btf.word(id, at)) !== null) return "Invalid type_id";
    if (offset < end || offset >= size) return "Invalid offset";
    if (bytes === 0 || bytes > size) return "Invalid size";
    end = offset + bytes;
    if (end > size) return "Invalid offset+size";
  }
  return null;
}
