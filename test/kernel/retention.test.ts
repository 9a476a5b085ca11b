import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { loadText } from "./support.ts";

/** 30,000 rounds of a loop: many states, few instructions. */
const LOOP = "r1 = 0\nr2 = 0\n1: r1 += 1\nr2 ^= r1\nif r1 < 30000 goto 1b\nr0 = 0\nexit";

function collectedHeap(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

describe("a loaded program", () => {
  it("keeps nothing of the paths that its verification followed", () => {
    using caller = new EmbeddedKernel({ execute: false }).process();
    loadText(caller, "socket_filter", LOOP);
    const before = collectedHeap();
    const programs = 4;
    for (let i = 0; i < programs; i++) loadText(caller, "socket_filter", LOOP);
    expect((collectedHeap() - before) / programs).toBeLessThan(200_000);
  });
});
