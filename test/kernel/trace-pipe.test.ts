import { describe, expect, it } from "vitest";
import { TracePipe } from "../../src/kernel/trace-pipe.ts";

const write = (pipe: TracePipe, cpu: number, text: string) =>
  pipe.write({ comm: "cat", pid: 1, cpu, time: 0n, text: new TextEncoder().encode(text) });

describe("TracePipe", () => {
  it("tells what was lost before it was read, by CPU, once", () => {
    const pipe = new TracePipe(250);
    for (const cpu of [1, 0, 1, 1, 0]) write(pipe, cpu, `on ${cpu}\n`);
    const lines = pipe.read().split("\n");
    expect(lines.slice(0, 2)).toEqual(["CPU:0 [LOST 1 EVENTS]", "CPU:1 [LOST 1 EVENTS]"]);
    expect(lines.slice(2).map((line) => line.slice(-4))).toEqual(["on 1", "on 1", "on 0", ""]);
    expect(pipe.lost).toBe(2);
    expect(pipe.read()).toBe("");
    write(pipe, 0, "later");
    expect(pipe.read()).not.toContain("LOST");
  });
});
