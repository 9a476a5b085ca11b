/** `BPF_STREAM_MAX_CAPACITY`, in bytes: what is not read yet is less than that. */
const CAPACITY = 100_000;

/** Text that a program has written and nobody has read (`struct bpf_stream`). */
export class TextStream {
  #parts: Uint8Array[] = [];
  #length = 0;

  /** Takes bytes, all or none. @returns whether there was room. */
  push(bytes: Uint8Array): boolean {
    if (this.#length + bytes.length >= CAPACITY) return false;
    this.#parts.push(bytes.slice());
    this.#length += bytes.length;
    return true;
  }

  /** Up to so many bytes, the oldest first, which stay until they are dropped. */
  peek(most: number): Uint8Array {
    const out = new Uint8Array(Math.min(most, this.#length));
    let at = 0;
    for (const part of this.#parts) {
      out.set(part.subarray(0, out.length - at), at);
      at = Math.min(at + part.length, out.length);
    }
    return out;
  }

  drop(count: number): void {
    const rest = this.peek(this.#length).slice(count);
    this.#parts = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
  }
}
