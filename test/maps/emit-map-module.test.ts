import { describe, expect, it } from "vitest";
import { emitMapModule, type MapShape } from "../../src/maps/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { printModule } from "../../src/wasm/index.ts";

// The files are written anew by `npx vitest run test/maps -u`.
describe("emitted code", () => {
  const kind = { maximumPages: 65_536, shared: true };
  const array: MapShape = { type: BpfMapType.ARRAY, keySize: 4, valueSize: 8, flags: 0 };
  const hash: MapShape = { type: BpfMapType.HASH, keySize: 8, valueSize: 8, flags: 0 };

  it("of an array", async () => {
    await expect(printModule(emitMapModule(array, kind))).toMatchFileSnapshot("golden/array-8.wat");
  });

  it("of a hash table's lookup", async () => {
    const text = printModule(emitMapModule(hash, kind), { function: "lookup" });
    await expect(text).toMatchFileSnapshot("golden/hash-8-8-lookup.wat");
  });
});
