/**
 * The unread part of a file that comes in chunks.
 *
 * A chunk that starts where nothing is left over is used in place. Otherwise what is left and the chunk are joined in
 * a buffer of ours that grows by doubling, so that any cutting of a file into chunks costs time in proportion to its
 * size.
 */
export class Window {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** The next unread byte in `bytes`. */
  at = 0;
  /** One past the last byte received in `bytes`. */
  end = 0;
  /** Position in the file of `bytes[0]`. */
  #base = 0;
  #own: Uint8Array = new Uint8Array(0);

  /** Position in the file of the next unread byte. */
  get fileOffset(): number {
    return this.#base + this.at;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  feed(chunk: Uint8Array): void {
    const left = this.end - this.at;
    if (left === 0) {
      this.#base += this.at;
      this.#show(chunk, 0, chunk.length);
      return;
    }
    const needed = left + chunk.length;
    if (this.bytes === this.#own && this.end + chunk.length <= this.#own.length) {
      this.#own.set(chunk, this.end);
      this.end += chunk.length;
      return;
    }
    this.#base += this.at;
    // Half of the room stays free, so that the next move of the rest comes only after as many new bytes.
    const room = needed * 2 <= this.#own.length ? this.#own : new Uint8Array(Math.max(4096, needed * 2));
    if (room === this.bytes) room.copyWithin(0, this.at, this.end);
    else room.set(this.bytes.subarray(this.at, this.end));
    room.set(chunk, left);
    this.#own = room;
    this.#show(room, 0, needed);
  }

  /** Copies what is left out of the last chunk, so that its owner may use that memory again. */
  keep(): void {
    const left = this.end - this.at;
    if (left === 0 || this.bytes === this.#own) return;
    if (this.#own.length < left) this.#own = new Uint8Array(Math.max(4096, left * 2));
    this.#own.set(this.bytes.subarray(this.at, this.end));
    this.#base += this.at;
    this.#show(this.#own, 0, left);
  }

  #show(bytes: Uint8Array, at: number, end: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = at;
    this.end = end;
  }
}
