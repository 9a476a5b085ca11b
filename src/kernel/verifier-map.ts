import { mapTraits } from "../platform/index.ts";
import { BpfMapType } from "../uapi/index.ts";
import type { VerifierMap } from "../verifier/index.ts";
import type { Machine } from "./machine.ts";
import type { KernelMap } from "./objects/map.ts";

/** A map as the verifier of a program sees it. `digest` is the program's. */
export function verifierMap(machine: Machine, map: KernelMap, digest: () => Uint8Array): VerifierMap {
  const { parts } = map;
  const { exclusiveTo } = parts;
  return {
    ...machine.fixupMap(map),
    inner: parts.inner,
    name: parts.name,
    btf: parts.btf?.types ?? null,
    keyTypeId: parts.keyTypeId,
    valueTypeId: parts.valueTypeId,
    record: parts.record,
    frozen: map.frozen && map.writers === 0,
    reservedForAnother: exclusiveTo !== null && !sameBytes(exclusiveTo, digest()),
    extra: parts.extra,
    userAddress: map.type === BpfMapType.ARENA ? (parts.storage.arena?.userStart ?? parts.extra) : null,
    ...(mapTraits(map.type)?.directValue === "single"
      ? { constant: (off: number, size: number) => constantAt(machine, map, off, size) }
      : {}),
  };
}

/** Of element 0; null where it has no such bytes. */
function constantAt(machine: Machine, map: KernelMap, off: number, size: number): bigint | null {
  const { storage } = map.parts;
  if (storage.values === 0 || off < 0 || off + size > map.valueSize) return null;
  const view = machine.memory.view();
  const at = storage.values + off;
  switch (size) {
    case 1:
      return BigInt(view.getUint8(at));
    case 2:
      return BigInt(view.getUint16(at, true));
    case 4:
      return BigInt(view.getUint32(at, true));
    default:
      return view.getBigUint64(at, true);
  }
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}
