/** Words of 64 bits as the bytes that they are in memory. */
export function wordBytes(words: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(words).buffer);
}
