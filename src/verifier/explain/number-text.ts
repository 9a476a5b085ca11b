/** `"1 byte"`, `"16 bytes"`. */
export function bytesText(count: number): string {
  return count === 1 ? "1 byte" : `${count} bytes`;
}
