import { afterAll, expect, it } from "vitest";
import { describeWith, liveKernel } from "../support/referee.ts";
import { loadFields } from "./programs.ts";
import { room, Twins } from "./twins.ts";

/** Programs with paths whose words are taken back, and with a refusal at the end of one. */
const BODIES = [
  "r0 = 1\nexit",
  "r6 = *(u32 *)(r1 + 0)\nif r6 > 7 goto +2\nr0 = r6\nexit\nr0 = r9\nexit",
  "r6 = *(u32 *)(r1 + 0)\nif r6 > 7 goto +5\nr0 = r6\nr0 += 1\nr0 += 2\nr0 += 3\nexit\nr0 = r9\nexit",
  "r6 = *(u32 *)(r1 + 0)\nr0 = 0\nif r6 > 7 goto +1\nr0 = 1\nif r6 > 9 goto +1\nr0 += 1\nexit",
] as const;
const MOST = 4096;

describeWith([liveKernel("6.18")], "logs that do not fit, as Linux cuts them", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it.each([1, 2, 9, 10])("level %i", (logLevel) => {
    const differing: string[] = [];
    for (const [number, body] of BODIES.entries()) {
      const base = { ...loadFields("socket_filter", body), logLevel };
      const ask = (logSize: number) =>
        twins.call("PROG_LOAD", { ...base, logSize, logBuf: room(MOST) }, { ignore: ["insns", "logBuf"] });
      const whole = textsOf(ask(MOST).buffers["logBuf"]!)[0]!.length;
      const sizes = new Set<number>();
      for (let size = 1; size <= whole + 3; size += size < 24 || size > whole - 24 ? 1 : 13) sizes.add(size);
      for (const size of sizes) {
        const [ours, theirs] = textsOf(ask(size).buffers["logBuf"]!);
        if (ours !== theirs)
          differing.push(`program ${number}, ${size} bytes: here ${ours!}, Linux ${theirs!}`);
      }
    }
    expect([...differing, ...twins.taken()]).toEqual([]);
  });
});

function textsOf(buffers: readonly [Uint8Array, Uint8Array]): string[] {
  return buffers.map((bytes) => Buffer.from(bytes).toString("latin1").split("\0")[0]!);
}
