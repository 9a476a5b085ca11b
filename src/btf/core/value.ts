import { BtfKind, IntEncoding, isEnum } from "../kinds.ts";
import { CoreError } from "./error.ts";
import { CoreReloKind } from "./kinds.ts";
import type { CoreSpec } from "./spec.ts";

/** What a relocation comes to in one BTF. */
export interface CoreValue {
  /** Unsigned 64 bits. */
  readonly value: bigint;
  /** False where the compiler may rightly have put another value into the instruction. */
  readonly validate: boolean;
  /** For a field's offset: its size in bytes and its type, which decide how it may be loaded; else 0. */
  readonly size: number;
  readonly type: number;
}

const plain = (value: number | bigint, validate = true): CoreValue => ({
  value: BigInt.asUintN(64, BigInt(value)),
  validate,
  size: 0,
  type: 0,
});

/** `null` where there is no target and the instruction is to be poisoned. Throws CoreError where there is no value. */
export function coreValue(spec: CoreSpec | null, kind: number, subject: string): CoreValue | null {
  switch (kind) {
    case CoreReloKind.FIELD_EXISTS:
    case CoreReloKind.ENUMVAL_EXISTS:
    case CoreReloKind.TYPE_EXISTS:
    case CoreReloKind.TYPE_MATCHES:
      return plain(spec === null ? 0 : 1);
    case CoreReloKind.TYPE_ID_TARGET:
      // The linker may have renumbered types after the compiler wrote the instruction.
      return spec === null ? plain(0) : plain(spec.root, false);
    case CoreReloKind.TYPE_SIZE:
      return spec === null ? plain(0) : plain(sizeOf(spec, spec.root, subject));
    case CoreReloKind.ENUMVAL_VALUE:
      return spec === null ? null : plain(enumValue(spec));
    default:
      return spec === null ? null : fieldValue(spec, kind, subject);
  }
}

function sizeOf(spec: CoreSpec, id: number, subject: string): number {
  const size = spec.side.sizeOf(id);
  if (size < 0) throw new CoreError(subject, `${spec.side.describe(id)} has no size`);
  return size;
}

/** libbpf sign-extends the 32-bit values of an ENUM, of an unsigned one too. */
function enumValue(spec: CoreSpec): bigint {
  const { btf } = spec.side;
  const { type, index } = spec.accessors[0]!;
  if (btf.kind(type) === BtfKind.ENUM) return BigInt(btf.word(type, 4 + 2 * index) | 0);
  return BigInt(btf.word(type, 4 + 3 * index)) | (BigInt(btf.word(type, 5 + 3 * index)) << 32n);
}

function fieldValue(spec: CoreSpec, kind: number, subject: string): CoreValue {
  const { side, bitOffset } = spec;
  const { btf } = side;
  const last = spec.accessors.at(-1)!;
  if (last.name === undefined) {
    if (kind === CoreReloKind.FIELD_BYTE_OFFSET) return offset(spec, bitOffset >>> 3, last.type, subject);
    if (kind === CoreReloKind.FIELD_BYTE_SIZE) return plain(sizeOf(spec, last.type, subject));
    throw new CoreError(subject, "an array element has no signedness or shifts");
  }
  const type = side.skip(btf.memberType(last.type, last.index));
  const bitSize = btf.memberBitSize(last.type, last.index);
  if (bitSize > 0) return bitFieldValue(spec, kind, type, bitSize, subject);
  const size = sizeOf(spec, type, subject);
  const byteOffset = bitOffset >>> 3;
  switch (kind) {
    case CoreReloKind.FIELD_BYTE_OFFSET:
      return offset(spec, byteOffset, type, subject);
    case CoreReloKind.FIELD_BYTE_SIZE:
      return plain(size);
    case CoreReloKind.FIELD_SIGNED:
      return plain(isSigned(spec, type) ? 1 : 0);
    case CoreReloKind.FIELD_LSHIFT_U64:
      return plain(leftShift(spec, { byteOffset, byteSize: size, bitSize: 8 * size }));
    default:
      return plain((64 - 8 * size) >>> 0);
  }
}

/** An offset, with the size of what is loaded there: of an array, one element. */
function offset(spec: CoreSpec, byteOffset: number, type: number, subject: string): CoreValue {
  const { side } = spec;
  let element = side.skip(type);
  for (let depth = 0; side.btf.kind(element) === BtfKind.ARRAY; depth++) {
    if (depth > 32) throw side.btf.error(type, "expected at most 32 nested arrays");
    element = side.skip(side.btf.elementType(element));
  }
  return { value: BigInt(byteOffset), validate: true, size: sizeOf(spec, element, subject), type };
}

interface LoadedBits {
  readonly byteOffset: number;
  readonly byteSize: number;
  readonly bitSize: number;
}

/**
 * A bit field is loaded as the smallest integer, at a multiple of its size, that holds all of it; compilers may
 * choose otherwise, so only what does not depend on that choice is validated.
 */
function bitFieldValue(
  spec: CoreSpec,
  kind: number,
  type: number,
  bitSize: number,
  subject: string,
): CoreValue {
  const { bitOffset } = spec;
  let byteSize = spec.side.btf.size(type);
  if (byteSize === 0) throw new CoreError(subject, `the bit field's type has no size`);
  let byteOffset = Math.floor((bitOffset >>> 3) / byteSize) * byteSize;
  while (bitOffset + bitSize - byteOffset * 8 > byteSize * 8) {
    if (byteSize >= 8) throw new CoreError(subject, "the bit field does not fit into one load of 64 bits");
    byteSize *= 2;
    byteOffset = Math.floor((bitOffset >>> 3) / byteSize) * byteSize;
  }
  switch (kind) {
    case CoreReloKind.FIELD_BYTE_OFFSET:
      return plain(byteOffset, false);
    case CoreReloKind.FIELD_BYTE_SIZE:
      return plain(byteSize, false);
    case CoreReloKind.FIELD_SIGNED:
      return plain(isSigned(spec, type) ? 1 : 0);
    case CoreReloKind.FIELD_LSHIFT_U64:
      return plain(leftShift(spec, { byteOffset, byteSize, bitSize }), false);
    default:
      return plain((64 - bitSize) >>> 0);
  }
}

/** How far to shift left so that the field's highest bit is the highest of 64. */
function leftShift(spec: CoreSpec, { byteOffset, byteSize, bitSize }: LoadedBits): number {
  const start = spec.bitOffset - byteOffset * 8;
  const shift = spec.side.btf.endian === "little" ? 64 - (start + bitSize) : (8 - byteSize) * 8 + start;
  // libbpf computes in 32 bits: a field of more than 8 bytes gives nonsense, but the same nonsense.
  return shift >>> 0;
}

function isSigned(spec: CoreSpec, type: number): boolean {
  const { btf } = spec.side;
  const kind = btf.kind(type);
  if (isEnum(kind)) return btf.kflag(type);
  return kind === BtfKind.INT && ((btf.intInfo(type) >>> 24) & IntEncoding.SIGNED) !== 0;
}
