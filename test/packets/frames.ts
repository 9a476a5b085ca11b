/** Numbers as 32-bit fields, pairs in brackets as two 16-bit fields, little-endian. */
export function bytesLittle(...fields: readonly (number | readonly [number, number])[]): number[] {
  return fields.flatMap((field) =>
    typeof field === "number"
      ? [field & 0xff, (field >>> 8) & 0xff, (field >>> 16) & 0xff, field >>> 24]
      : field.flatMap((half) => [half & 0xff, half >>> 8]),
  );
}

/** Likewise, big-endian. */
export function bytesBig(...fields: readonly (number | readonly [number, number])[]): number[] {
  return fields.flatMap((field) =>
    typeof field === "number"
      ? [field >>> 24, (field >>> 16) & 0xff, (field >>> 8) & 0xff, field & 0xff]
      : field.flatMap((half) => [half >>> 8, half & 0xff]),
  );
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(/\s+/g, "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A DNS query over UDP and IPv4, both checksums right: 10.77.10.1:49152 to 10.77.10.2:53, "ab" as its payload. */
export function ipv4Frame(): Uint8Array {
  return hex(`020000007702 020000007701 0800
    4500 001e 1234 4000 40 11 fffe 0a4d0a01 0a4d0a02
    c000 0035 000a b5a5 6162`);
}
