import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";

describe("a process that has ended", () => {
  it("makes no calls any more, and the others go on", () => {
    const kernel = new EmbeddedKernel();
    const other = kernel.process();
    const array = { mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 };
    other.mapCreate(array);
    other.exit();
    expect(() => other.mapCreate(array)).toThrow("ESRCH");
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
    expect(kernel.mapCreate(array)).toBeGreaterThan(0);
  });
});
