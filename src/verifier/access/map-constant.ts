import { BpfMapFlag, Errno } from "../../uapi/index.ts";
import type { VerifierMap } from "../environment/map.ts";
import { Rejection } from "../environment/rejection.ts";

/** Neither programs nor system calls change the map's content any more (`bpf_map_is_rdonly`). */
export function mapIsRdonly(map: VerifierMap): boolean {
  return (map.flags & BpfMapFlag.RDONLY_PROG) !== 0 && map.frozen;
}

/** What a constant map holds at `off`, as a load of it gives it (`bpf_map_direct_read`). */
export function mapDirectRead(map: VerifierMap, off: number, size: number, signed: boolean): bigint {
  // With several values none has a known place (`array_map_direct_value_addr`).
  const value = map.maxEntries === 1 ? (map.constant?.(off, size) ?? null) : null;
  if (value === null) throw new Rejection(Errno.ENOTSUPP, "");
  return signed ? BigInt.asIntN(size * 8, value) : value;
}
