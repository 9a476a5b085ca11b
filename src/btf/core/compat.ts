import { BtfKind, isComposite, isEnum } from "../kinds.ts";
import { essentialName } from "./names.ts";
import { type Budget, type CoreSide, kindsCompatible } from "./types.ts";

/** `bitOffset` of an INT: not 0 only in the bit fields of old compilers, which CO-RE refuses. */
function intBitOffset(side: CoreSide, id: number): number {
  return (side.btf.intInfo(id) >>> 16) & 0xff;
}

/**
 * True where a target field may stand for a local one (`bpf_core_fields_are_compat`): any two structs or unions, any
 * two pointers, integers of any size, enums and forward declarations of one name (or none), arrays of such.
 */
export function fieldsCompatible(
  local: CoreSide,
  localId: number,
  target: CoreSide,
  targetId: number,
  budget: Budget,
): boolean {
  for (;;) {
    budget.spend(local, localId);
    localId = local.skip(localId);
    targetId = target.skip(targetId);
    const kind = local.btf.kind(localId);
    const targetKind = target.btf.kind(targetId);
    if (isComposite(kind) && isComposite(targetKind)) return true;
    if (!kindsCompatible(kind, targetKind)) return false;
    switch (kind) {
      case BtfKind.PTR:
      case BtfKind.FLOAT:
        return true;
      case BtfKind.FWD:
      case BtfKind.ENUM:
      case BtfKind.ENUM64: {
        const name = essentialName(local.btf.name(localId));
        const targetName = essentialName(target.btf.name(targetId));
        return name === "" || targetName === "" || name === targetName;
      }
      case BtfKind.INT:
        return intBitOffset(local, localId) === 0 && intBitOffset(target, targetId) === 0;
      case BtfKind.ARRAY:
        localId = local.btf.elementType(localId);
        targetId = target.btf.elementType(targetId);
        break;
      default:
        return false;
    }
  }
}

/** How deep `typesCompatible` and `typesMatch` follow prototypes and members: libbpf's limit. */
const MAX_LEVEL = 32;

/**
 * True where two types of one name are the same kind of thing (`bpf_core_types_are_compat`): names below the root,
 * members and integer sizes do not count. Throws FormatError where pointers or prototypes nest too deep.
 */
export function typesCompatible(
  local: CoreSide,
  localId: number,
  target: CoreSide,
  targetId: number,
  budget: Budget,
  level = MAX_LEVEL,
): boolean {
  if (!kindsCompatible(local.btf.kind(localId), target.btf.kind(targetId))) return false;
  for (let depth = 0; depth < MAX_LEVEL; depth++) {
    budget.spend(local, localId);
    localId = local.skip(localId);
    targetId = target.skip(targetId);
    const kind = local.btf.kind(localId);
    if (!kindsCompatible(kind, target.btf.kind(targetId))) return false;
    switch (kind) {
      case BtfKind.VOID:
      case BtfKind.STRUCT:
      case BtfKind.UNION:
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
      case BtfKind.FWD:
        return true;
      case BtfKind.INT:
        return intBitOffset(local, localId) === 0 && intBitOffset(target, targetId) === 0;
      case BtfKind.PTR:
        localId = local.btf.ref(localId);
        targetId = target.btf.ref(targetId);
        break;
      case BtfKind.ARRAY:
        localId = local.btf.elementType(localId);
        targetId = target.btf.elementType(targetId);
        break;
      case BtfKind.FUNC_PROTO: {
        const count = local.btf.vlen(localId);
        if (count !== target.btf.vlen(targetId)) return false;
        for (let i = 0; i < count; i++) {
          if (level <= 0) throw local.btf.error(localId, `expected at most ${MAX_LEVEL} nested prototypes`);
          const param = local.skip(paramType(local, localId, i));
          const targetParam = target.skip(paramType(target, targetId, i));
          if (!typesCompatible(local, param, target, targetParam, budget, level - 1)) return false;
        }
        localId = local.skip(local.btf.ref(localId));
        targetId = target.skip(target.btf.ref(targetId));
        break;
      }
      default:
        return false;
    }
  }
  throw local.btf.error(localId, `expected at most ${MAX_LEVEL} nested pointers and arrays`);
}

/**
 * True where the target has all that the local type declares (`bpf_core_types_match`): members of the same names
 * and of types that match, enumerators of the same names, integers of the same size and sign. Behind a pointer, a
 * struct's name is enough. Throws FormatError where types nest too deep.
 */
export function typesMatch(
  local: CoreSide,
  localId: number,
  target: CoreSide,
  targetId: number,
  budget: Budget,
  behindPointer = false,
  level = MAX_LEVEL,
): boolean {
  if (level <= 0) throw local.btf.error(localId, `expected at most ${MAX_LEVEL} nested types`);
  for (let depth = 0; depth < MAX_LEVEL; depth++) {
    budget.spend(local, localId);
    localId = local.skip(localId);
    targetId = target.skip(targetId);
    if (!namesMatch(local.btf.name(localId), target.btf.name(targetId))) return false;
    const kind = local.btf.kind(localId);
    const targetKind = target.btf.kind(targetId);
    switch (kind) {
      case BtfKind.VOID:
        return targetKind === BtfKind.VOID;
      case BtfKind.FWD: {
        // A forward declaration's flag tells a union from a struct.
        const union = local.btf.kflag(localId);
        if (targetKind === BtfKind.FWD) return union === target.btf.kflag(targetId);
        return behindPointer && targetKind === (union ? BtfKind.UNION : BtfKind.STRUCT);
      }
      case BtfKind.ENUM:
      case BtfKind.ENUM64:
        return isEnum(targetKind) && enumsMatch(local, localId, target, targetId, budget);
      case BtfKind.STRUCT:
      case BtfKind.UNION:
        if (behindPointer) {
          if (targetKind === BtfKind.FWD) return (kind === BtfKind.UNION) === target.btf.kflag(targetId);
          return kind === targetKind;
        }
        return kind === targetKind && membersMatch(local, localId, target, targetId, budget, level);
      case BtfKind.INT:
        return (
          kind === targetKind &&
          local.btf.size(localId) === target.btf.size(targetId) &&
          isSigned(local, localId) === isSigned(target, targetId)
        );
      case BtfKind.PTR:
        if (kind !== targetKind) return false;
        behindPointer = true;
        localId = local.btf.ref(localId);
        targetId = target.btf.ref(targetId);
        break;
      case BtfKind.ARRAY:
        if (kind !== targetKind || local.btf.elementCount(localId) !== target.btf.elementCount(targetId)) {
          return false;
        }
        localId = local.btf.elementType(localId);
        targetId = target.btf.elementType(targetId);
        break;
      case BtfKind.FUNC_PROTO: {
        if (kind !== targetKind) return false;
        const count = local.btf.vlen(localId);
        if (count !== target.btf.vlen(targetId)) return false;
        for (let i = 0; i < count; i++) {
          const param = paramType(local, localId, i);
          const targetParam = paramType(target, targetId, i);
          if (!typesMatch(local, param, target, targetParam, budget, behindPointer, level - 1)) return false;
        }
        localId = local.btf.ref(localId);
        targetId = target.btf.ref(targetId);
        break;
      }
      default:
        return false;
    }
  }
  throw local.btf.error(localId, `expected at most ${MAX_LEVEL} nested pointers and arrays`);
}

function isSigned(side: CoreSide, id: number): boolean {
  return ((side.btf.intInfo(id) >>> 24) & 1) === 1;
}

function paramType(side: CoreSide, id: number, param: number): number {
  return side.btf.word(id, 4 + 2 * param);
}

function namesMatch(local: string, target: string): boolean {
  return target === "" ? local === "" : essentialName(local) === essentialName(target);
}

function enumsMatch(
  local: CoreSide,
  localId: number,
  target: CoreSide,
  targetId: number,
  budget: Budget,
): boolean {
  if (local.btf.size(localId) !== target.btf.size(targetId)) return false;
  const count = local.btf.vlen(localId);
  if (count > target.btf.vlen(targetId)) return false;
  const names = new Set<string>();
  for (let i = 0; i < target.btf.vlen(targetId); i++) {
    const name = target.btf.string(enumeratorNameOffset(target, targetId, i));
    budget.spend(target, targetId, name.length);
    names.add(essentialName(name));
  }
  for (let i = 0; i < count; i++) {
    const name = local.btf.string(enumeratorNameOffset(local, localId, i));
    budget.spend(local, localId, name.length);
    if (!names.has(essentialName(name))) return false;
  }
  return true;
}

function enumeratorNameOffset(side: CoreSide, id: number, element: number): number {
  return side.btf.word(id, 3 + element * (side.btf.kind(id) === BtfKind.ENUM ? 2 : 3));
}

function membersMatch(
  local: CoreSide,
  localId: number,
  target: CoreSide,
  targetId: number,
  budget: Budget,
  level: number,
): boolean {
  const count = local.btf.vlen(localId);
  const targetCount = target.btf.vlen(targetId);
  if (count > targetCount) return false;
  for (let i = 0; i < count; i++) {
    const name = local.btf.memberName(localId, i);
    const type = local.btf.memberType(localId, i);
    let matched = false;
    for (let j = 0; j < targetCount && !matched; j++) {
      const targetName = target.btf.memberName(targetId, j);
      budget.spend(target, targetId, targetName.length);
      if (!namesMatch(name, targetName)) continue;
      matched = typesMatch(local, type, target, target.btf.memberType(targetId, j), budget, false, level - 1);
    }
    if (!matched) return false;
  }
  return true;
}
