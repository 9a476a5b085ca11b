import { describe } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { describeMaps } from "./maps.ts";

describe("load on the embedded kernel", () => {
  let kernel: EmbeddedKernel | undefined;
  const sys = () => (kernel ??= new EmbeddedKernel());
  describeMaps(sys, () => {
    let maps = 0;
    for (let id = sys().mapGetNextId({ startId: 0 }); id !== null; id = sys().mapGetNextId({ startId: id }))
      maps++;
    return maps;
  });
});
