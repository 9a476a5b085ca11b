import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import {
  clearDynptr,
  type Dynptr,
  type DynptrData,
  DynptrField,
  DynptrType,
  dynptrAt,
  dynptrHas,
  putDynptr,
} from "./dynptr.ts";
import type { ArgumentCheck, HelperCall, Kfunc } from "./helper.ts";

const DYNPTR: ArgumentCheck = { kind: "fixedMemory", bytes: DynptrField.BYTES, write: true };
const ANY: ArgumentCheck = { kind: "anything" };

/** What of a context a dynptr is made of. */
interface Source {
  readonly type: DynptrType;
  readonly readOnly: boolean;
  readonly size: (call: HelperCall, context: number) => number;
}

/** Kfuncs that make dynptrs, and those that ask, change and follow them. */
export function dynptrKfuncs(contents: DynptrData): readonly Kfunc[] {
  /** `bpf_dynptr_from_skb` and its kin: flags there are none yet. */
  const from = (name: string, { type, readOnly, size }: Source): Kfunc =>
    hostKfunc(
      name,
      { args: ["ptr", "i64", "ptr"], result: "u32", checks: [{ kind: "context" }, ANY, DYNPTR] },
      (call, context, flags, flagsHigh, at) => {
        const place = at! >>> 0;
        if (flags !== 0 || flagsHigh !== 0) {
          clearDynptr(call, place);
          return -Errno.EINVAL;
        }
        const data = context! >>> 0;
        putDynptr(call, place, { type, data, size: size(call, data), offset: 0, readOnly });
        return 0;
      },
    );

  const skbLength = (call: HelperCall, skb: number): number =>
    call.memory.view().getUint32(skb + contents.packets.skbs.len, true);

  /** Of a slice, where it lies, or the buffer it was copied to; 0 where neither can be. */
  const slice = (
    call: HelperCall,
    dynptr: Dynptr,
    offset: number,
    buffer: number,
    length: number,
  ): number => {
    const place = contents.place(call, dynptr, offset, length);
    if (place !== 0 || dynptr.type !== DynptrType.XDP || buffer === 0) return place;
    if (!dynptrHas(dynptr, offset, length)) return 0;
    // As many bytes as there are.
    const part = { offset: dynptr.offset + offset, length };
    contents.buffs.copyAll(call, dynptr.data, part, buffer, "load");
    return buffer;
  };

  const sliced = (name: string, writes: boolean): Kfunc =>
    hostKfunc(
      name,
      {
        args: ["ptr", "i32", "ptr", "i32"],
        result: "ptr",
        checks: [DYNPTR, ANY, { kind: "memory", size: 4, write: true, nullable: true }, ANY],
      },
      (call, at, offset, buffer, length) => {
        const dynptr = dynptrAt(call, at! >>> 0);
        if (dynptr === null || (writes && dynptr.readOnly)) return 0;
        return slice(call, dynptr, offset! >>> 0, buffer! >>> 0, length! >>> 0);
      },
    );

  /** `bpf_dynptr_copy`: whole where both lie in one piece, else as reads and writes of one of them. */
  const copy = (
    call: HelperCall,
    to: number,
    toOffset: number,
    source: number,
    sourceOffset: number,
    length: number,
  ): number => {
    const target = dynptrAt(call, to >>> 0);
    const origin = dynptrAt(call, source >>> 0);
    const [at, start, size] = [toOffset >>> 0, sourceOffset >>> 0, length >>> 0];
    const origin0 = origin === null ? 0 : contents.place(call, origin, start, size);
    const writable = target !== null && !target.readOnly;
    const target0 = writable ? contents.place(call, target, at, size) : 0;
    if (origin0 !== 0 && target0 !== 0) {
      call.memory.bytes().copyWithin(target0, origin0, origin0 + size);
      return 0;
    }
    if (origin0 !== 0) {
      if (target === null) return -Errno.EINVAL;
      return contents.write(call, target, at, { at: origin0, length: size });
    }
    if (target0 !== 0) {
      return origin === null ? -Errno.EINVAL : contents.read(call, origin, start, target0, size);
    }
    const fits = (dynptr: Dynptr | null, offset: number) =>
      dynptr === null ? offset === 0 && size === 0 : dynptrHas(dynptr, offset, size);
    if (!fits(target, at) || !fits(origin, start)) return -Errno.E2BIG;
    if (size === 0) return 0;
    return -Errno.EINVAL;
  };

  /** `bpf_dynptr_memset` */
  const fill = (call: HelperCall, to: number, offset: number, length: number, byte: number): number => {
    const dynptr = dynptrAt(call, to >>> 0);
    const [at, size] = [offset >>> 0, length >>> 0];
    if (dynptr === null) return at === 0 && size === 0 ? 0 : -Errno.E2BIG;
    if (dynptr.readOnly) return -Errno.EINVAL;
    const place = contents.place(call, dynptr, at, size);
    if (place !== 0) {
      call.memory.bytes().fill(byte, place, place + size);
      return 0;
    }
    if (!dynptrHas(dynptr, at, size)) return -Errno.E2BIG;
    return -Errno.EFAULT;
  };

  const asks = (name: string, answer: (dynptr: Dynptr | null) => number): Kfunc =>
    hostKfunc(name, { args: ["ptr"], result: "u32", checks: [DYNPTR] }, (call, at) =>
      answer(dynptrAt(call, at! >>> 0)),
    );

  return [
    from("bpf_dynptr_from_skb", { type: DynptrType.SKB, readOnly: false, size: skbLength }),
    // What the first becomes in programs that may not write to packets.
    from("bpf_dynptr_from_skb_rdonly", { type: DynptrType.SKB, readOnly: true, size: skbLength }),
    from("bpf_dynptr_from_skb_meta", {
      type: DynptrType.SKB_META,
      readOnly: false,
      size: (call, skb) => contents.metadataLength(call, skb),
    }),
    from("bpf_dynptr_from_xdp", {
      type: DynptrType.XDP,
      readOnly: false,
      size: (call, xdp) => contents.buffs.length(call, xdp),
    }),
    sliced("bpf_dynptr_slice", false),
    sliced("bpf_dynptr_slice_rdwr", true),
    hostKfunc("bpf_dynptr_adjust", { args: ["ptr", "i32", "i32"], result: "u32", checks: [DYNPTR] }, adjust),
    asks("bpf_dynptr_is_null", (dynptr) => (dynptr === null ? 1 : 0)),
    asks("bpf_dynptr_is_rdonly", (dynptr) => (dynptr?.readOnly === true ? 1 : 0)),
    asks("bpf_dynptr_size", (dynptr) => dynptr?.size ?? -Errno.EINVAL),
    hostKfunc("bpf_dynptr_clone", { args: ["ptr", "ptr"], result: "u32", checks: [DYNPTR, DYNPTR] }, clone),
    hostKfunc(
      "bpf_dynptr_copy",
      {
        args: ["ptr", "i32", "ptr", "i32", "i32"],
        result: "u32",
        checks: [DYNPTR, ANY, DYNPTR],
      },
      copy,
    ),
    hostKfunc(
      "bpf_dynptr_memset",
      { args: ["ptr", "i32", "i32", "u8"], result: "u32", checks: [DYNPTR] },
      fill,
    ),
  ];
}

/** `bpf_dynptr_adjust`: the same data, narrower. */
function adjust(call: HelperCall, at: number, start: number, end: number): number {
  const dynptr = dynptrAt(call, at >>> 0);
  const [from, to] = [start >>> 0, end >>> 0];
  if (dynptr === null || from > to) return -Errno.EINVAL;
  if (from > dynptr.size || to > dynptr.size) return -Errno.ERANGE;
  putDynptr(call, at >>> 0, { ...dynptr, offset: dynptr.offset + from, size: to - from });
  return 0;
}

/** `bpf_dynptr_clone` */
function clone(call: HelperCall, from: number, to: number): number {
  const dynptr = dynptrAt(call, from >>> 0);
  if (dynptr === null) {
    clearDynptr(call, to >>> 0);
    return -Errno.EINVAL;
  }
  putDynptr(call, to >>> 0, dynptr);
  return 0;
}
