import { type AttrField, type AttrValues, attrOffset, attrSize, decodeAttr } from "../sys/index.ts";
import { BPF_ATTR_SIZE, type BpfAttrCommand, Errno } from "../uapi/index.ts";
import { refuse } from "./refusal.ts";

/**
 * The attributes of one bpf(2) call, as `__sys_bpf` takes them: a copy of the caller's bytes, filled up with zeros to
 * the size of the union this kernel knows.
 */
export class Attr {
  readonly #bytes = new Uint8Array(BPF_ATTR_SIZE);
  readonly #caller: Uint8Array;
  readonly #size: number;

  /** E2BIG where the caller's union is larger than ours and says something there (`bpf_check_uarg_tail_zero`). */
  constructor(caller: Uint8Array, size: number) {
    if (size > 4096) refuse(Errno.E2BIG);
    const given = caller.subarray(0, size);
    if (given.subarray(BPF_ATTR_SIZE).some((byte) => byte !== 0)) refuse(Errno.E2BIG);
    this.#bytes.set(given.subarray(0, BPF_ATTR_SIZE));
    this.#caller = caller;
    this.#size = Math.min(given.length, BPF_ATTR_SIZE);
  }

  /** The command's fields. EINVAL where something stands behind the last of them (`CHECK_ATTR`). */
  fields<C extends BpfAttrCommand>(command: C): AttrValues<C> {
    for (let i = attrSize(command); i < this.#bytes.length; i++)
      if (this.#bytes[i] !== 0) refuse(Errno.EINVAL);
    return decodeAttr(command, this.#bytes);
  }

  /** Writes an out-field of 32 bits back to the caller, as far as the caller's union reaches. */
  put<C extends BpfAttrCommand>(command: C, camel: AttrField<C>, value: number): void {
    const offset = attrOffset(command, camel);
    if (offset + 4 > this.#size) return;
    new DataView(this.#caller.buffer, this.#caller.byteOffset).setUint32(offset, value, true);
  }

  /** As {@link put}, of 64 bits. */
  put64<C extends BpfAttrCommand>(command: C, camel: AttrField<C>, value: bigint): void {
    const offset = attrOffset(command, camel);
    if (offset + 8 > this.#size) return;
    new DataView(this.#caller.buffer, this.#caller.byteOffset).setBigUint64(offset, value, true);
  }
}
