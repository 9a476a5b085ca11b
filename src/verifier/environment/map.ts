import type { Btf } from "../../btf/index.ts";
import type { FixupMap } from "../fixups/map.ts";
import type { BtfRecord } from "./record.ts";

/** A map as the verifier sees it. The same object for the same map: maps are told apart by identity. */
export interface VerifierMap extends FixupMap {
  readonly name: string;
  /** Its types, or null; `keyTypeId` and `valueTypeId` are ids in it, 0 for none. */
  readonly btf: Btf | null;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
  /** Special fields of its values. */
  readonly record: BtfRecord | null;
  readonly inner?: VerifierMap | null;
  /** No system call changes it any more (BPF_MAP_FREEZE, with BPF_F_RDONLY_PROG: its content is constant). */
  readonly frozen: boolean;
  /** It is reserved for another program (`excl_prog_hash`). */
  readonly reservedForAnother: boolean;
  /** `map_extra` */
  readonly extra: bigint;
  /**
   * Reads `size` bytes (1, 2, 4 or 8) of the value at `off`, little endian, unsigned (`bpf_map_direct_read`); absent
   * where the type has no values at fixed places (`map_direct_value_addr`).
   */
  readonly constant?: (off: number, size: number) => bigint | null;
  /** Arena: first address that user space sees; null where it has none yet. */
  readonly userAddress?: bigint | null;
}
