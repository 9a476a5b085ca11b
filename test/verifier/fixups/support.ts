import type { FixupMap } from "../../../src/verifier/index.ts";

/** A map for tests; its addresses follow from its id. */
export function exampleMap(type: number, id: number, rest: Partial<FixupMap> = {}): FixupMap {
  const address = 0xffff_8000_0001_0000n + BigInt(id) * 0x1000n;
  return {
    type,
    id,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    address,
    valueAddress: address + 0x400n,
    ...rest,
  };
}
