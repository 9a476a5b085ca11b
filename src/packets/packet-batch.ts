/** Words of {@link PacketBatch.places} for each packet. */
export const PLACE_WORDS = 3;

/**
 * Packets that follow each other in one buffer, for loops that want next to no work for each: see `CaptureReader.look`.
 * What is in it holds until the reader is fed again.
 */
export class PacketBatch {
  /** The buffer that holds them all. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Link-layer header type of all of them. */
  linktype = 0;
  count = 0;
  /** Of each packet: its offset in `bytes`, the bytes captured, and the bytes that were on the wire. */
  readonly places: Uint32Array;

  /** @param capacity the most packets that it holds. */
  constructor(capacity = 1024) {
    this.places = new Uint32Array(PLACE_WORDS * capacity);
  }

  get capacity(): number {
    return this.places.length / PLACE_WORDS;
  }
}
