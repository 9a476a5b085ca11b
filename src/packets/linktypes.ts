/** Link-layer header types as capture files number them (tcpdump.org/linktypes.html): those this folder can take apart. */
export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [LINKTYPE.NULL, "NULL"],
  [LINKTYPE.ETHERNET, "EN10MB"],
  [LINKTYPE.RAW, "RAW"],
  [LINKTYPE.LOOP, "LOOP"],
  [LINKTYPE.LINUX_SLL, "LINUX_SLL"],
  [LINKTYPE.IPV4, "IPV4"],
  [LINKTYPE.IPV6, "IPV6"],
  [LINKTYPE.LINUX_SLL2, "LINUX_SLL2"],
]);

/** libpcap's name of a link type (`"EN10MB"`), or its number in decimal where it has no name here. */
export function linktypeName(linktype: number): string {
  return NAMES.get(linktype) ?? String(linktype);
}

const ORDINARY_LIMIT = 262_144;
const LARGE_LIMIT = 128 * 1024 * 1024;

/**
 * The most bytes a packet of this link type can have, as libpcap bounds it (`max_snaplen_for_dlt`): a larger count in
 * a file is a damaged file, and must not become an allocation.
 */
export function maxCapturedLength(linktype: number): number {
  switch (linktype) {
    case 189: // USB_LINUX
    case 220: // USB_LINUX_MMAPPED
    case 231: // DBUS
    case 249: // USBPCAP
      return LARGE_LIMIT;
    case 279: // EBHSCR
      return 8 * 1024 * 1024;
    default:
      return ORDINARY_LIMIT;
  }
}
