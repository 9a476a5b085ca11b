const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** `02:00:00:00:77:01`: the 6 bytes from `at` on. */
export function formatMac(bytes: Uint8Array, at = 0): string {
  let out = HEX[bytes[at]!]!;
  for (let i = 1; i < 6; i++) out += `:${HEX[bytes[at + i]!]}`;
  return out;
}

/** `192.0.2.1`: the 4 bytes from `at` on. */
export function formatIpv4(bytes: Uint8Array, at = 0): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/**
 * The 16 bytes from `at` on, in the canonical form of RFC 5952: lower case, no leading zeros, the longest run of at
 * least two zero groups (the first of equals) as `::`. IPv4-mapped addresses end in dotted decimal (section 5).
 */
export function formatIpv6(bytes: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i]! << 8) | bytes[at + i + 1]!);
  if (groups[5] === 0xffff && groups.every((group, i) => i >= 5 || group === 0)) {
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  }
  let best = -1;
  let length = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) {
      best = start;
      length = end - start;
    }
    if (end > start) start = end;
  }
  if (best < 0) return groupsText(groups);
  return `${groupsText(groups.slice(0, best))}::${groupsText(groups.slice(best + length))}`;
}

function groupsText(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}
