import { FIRST_OFFSET, KERNEL_BASE_HIGH } from "../mem/index.ts";
import { BpfFuncId, Errno } from "../uapi/index.ts";
import { hostHelper } from "./define.ts";
import type { Helper, HelperCall } from "./helper.ts";
import { hiddenAddress } from "./printf/format.ts";
import { TextFlag, TypeText } from "./type-text.ts";
import { isKernelAddress } from "./user-address.ts";

/** `struct btf_ptr`: an address, the id of its type, and flags that there are none of. */
const Pointer = { ADDRESS: 0, TYPE: 8, SIZE: 16 } as const;

const KNOWN = TextFlag.COMPACT | TextFlag.NONAME | TextFlag.PTR_RAW | TextFlag.ZERO;

/** What a `struct btf_ptr` leads to, as text (`bpf_btf_printf_prepare`). EINVAL, ENOENT, EFAULT, ERANGE. */
export function typeText(
  call: HelperCall,
  about: number,
  size: number,
  flags: number,
  flagsHigh: number,
): Uint8Array | number {
  if ((flags & ~KNOWN) !== 0 || flagsHigh !== 0 || size !== Pointer.SIZE) return -Errno.EINVAL;
  const view = call.memory.view();
  const at = about >>> 0;
  const type = view.getInt32(at + Pointer.TYPE, true);
  if (view.getUint32(at + Pointer.TYPE, true) === 0) return -Errno.EINVAL;
  const btf = call.services.kernelTypes?.();
  if (btf === undefined) return -Errno.EINVAL;
  if (type <= 0 || !btf.has(type)) return -Errno.ENOENT;
  const start = view.getUint32(at + Pointer.ADDRESS, true);
  const isKernel =
    view.getInt32(at + Pointer.ADDRESS + 4, true) === KERNEL_BASE_HIGH && start >= FIRST_OFFSET;
  const read = (offset: number, length: number): DataView | null => {
    const bytes = call.memory.bytes();
    const from = start + offset;
    if (!isKernel || from + length > bytes.length) return null;
    return new DataView(bytes.buffer, bytes.byteOffset + from, length);
  };
  const hide = (value: bigint) =>
    hiddenAddress(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  const text = new TypeText(btf, flags, read, hide).of(type);
  if (text === null)
    return isKernelAddress(start, view.getInt32(at + Pointer.ADDRESS + 4, true))
      ? -Errno.EFAULT
      : -Errno.ERANGE;
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Structs of the kernel as text. */
export const SNPRINTF_BTF_HELPERS: readonly Helper[] = [
  hostHelper(
    BpfFuncId.snprintf_btf,
    { args: ["ptr", "i32", "ptr", "i32", "i64"], result: "i32" },
    (call, to, room, about, size, flags, high) => {
      const text = typeText(call, about!, size!, flags!, high!);
      if (typeof text === "number") return text;
      if (room! >>> 0 > 0) {
        const written = text.subarray(0, (room! >>> 0) - 1);
        call.memory.bytes().set(written, to! >>> 0);
        call.memory.bytes()[(to! >>> 0) + written.length] = 0;
      }
      return text.length;
    },
  ),
];
