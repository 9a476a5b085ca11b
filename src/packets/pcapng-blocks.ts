/** Block types of pcapng (draft-ietf-opsawg-pcapng section 11.1) that the reader looks into; all others are skipped. */
export const BLOCK = {
  INTERFACE_DESCRIPTION: 1,
  /** Obsolete: the "packet block" of early files. */
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
  SECTION_HEADER: 0x0a0d0d0a,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Options of an interface description block (section 4.2) that the reader needs. */
export const OPTION = {
  END: 0,
  IF_NAME: 2,
  IF_TSRESOL: 9,
  IF_TSOFFSET: 14,
} as const;

/** Type, total length, and the total length again at the end. */
export const BLOCK_OVERHEAD = 12;
