import { TypeFlag } from "../state/reg-type.ts";
import { DynptrType } from "../state/register.ts";

const KIND_MASK =
  TypeFlag.DYNPTR_TYPE_LOCAL |
  TypeFlag.DYNPTR_TYPE_RINGBUF |
  TypeFlag.DYNPTR_TYPE_SKB |
  TypeFlag.DYNPTR_TYPE_XDP |
  TypeFlag.DYNPTR_TYPE_SKB_META;

/** The kind that an argument's flags ask for (`arg_to_dynptr_type`). */
export function argToDynptrType(argType: number): DynptrType {
  switch (argType & KIND_MASK) {
    case TypeFlag.DYNPTR_TYPE_LOCAL:
      return DynptrType.LOCAL;
    case TypeFlag.DYNPTR_TYPE_RINGBUF:
      return DynptrType.RINGBUF;
    case TypeFlag.DYNPTR_TYPE_SKB:
      return DynptrType.SKB;
    case TypeFlag.DYNPTR_TYPE_XDP:
      return DynptrType.XDP;
    case TypeFlag.DYNPTR_TYPE_SKB_META:
      return DynptrType.SKB_META;
    default:
      return DynptrType.INVALID;
  }
}

const FLAG_OF_KIND: { readonly [kind in DynptrType]: number } = {
  [DynptrType.INVALID]: 0,
  [DynptrType.LOCAL]: TypeFlag.DYNPTR_TYPE_LOCAL,
  [DynptrType.RINGBUF]: TypeFlag.DYNPTR_TYPE_RINGBUF,
  [DynptrType.SKB]: TypeFlag.DYNPTR_TYPE_SKB,
  [DynptrType.XDP]: TypeFlag.DYNPTR_TYPE_XDP,
  [DynptrType.SKB_META]: TypeFlag.DYNPTR_TYPE_SKB_META,
};

/** `get_dynptr_type_flag` */
export function getDynptrTypeFlag(kind: DynptrType): number {
  return FLAG_OF_KIND[kind];
}

/** What such a dynptr points to has to be given back (`dynptr_type_refcounted`). */
export function isRefcountedDynptr(kind: DynptrType): boolean {
  return kind === DynptrType.RINGBUF;
}
