import type { Mapping } from "../../sys/index.ts";

/** Memory that is shared with the kernel, which nobody sees but through this: bytes that were unmapped end the process. */
export class LinuxMapping implements Mapping {
  readonly length: number;
  #bytes: Uint8Array | null;
  readonly #unmap: () => void;

  /** @param bytes as long as what was asked for; whole pages lie there. */
  constructor(bytes: Uint8Array, unmap: () => void) {
    this.length = bytes.length;
    this.#bytes = bytes;
    this.#unmap = unmap;
  }

  get closed(): boolean {
    return this.#bytes === null;
  }

  /** The memory itself, for the port's own rings. @throws RangeError when it is closed. */
  get bytes(): Uint8Array {
    if (this.#bytes === null) throw new RangeError("mapping: expected an open one, got a closed one");
    return this.#bytes;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#range(offset, length).slice();
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#range(offset, bytes.length).set(bytes);
  }

  load32(offset: number): number {
    return Atomics.load(this.#word(offset), 0);
  }

  store32(offset: number, value: number): void {
    Atomics.store(this.#word(offset), 0, value);
  }

  close(): void {
    if (this.#bytes === null) return;
    this.#bytes = null;
    this.#unmap();
  }

  #word(offset: number): Int32Array {
    const { buffer, byteOffset } = this.#range(offset, 4);
    return new Int32Array(buffer, byteOffset, 1);
  }

  #range(offset: number, length: number): Uint8Array {
    const { bytes } = this;
    if (!(Number.isInteger(offset) && offset >= 0 && length >= 0 && offset + length <= bytes.length))
      throw new RangeError(`mapping: expected bytes below ${bytes.length}, got ${length} at ${offset}`);
    return bytes.subarray(offset, offset + length);
  }
}
