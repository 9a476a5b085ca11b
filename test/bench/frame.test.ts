import { describe, expect, it } from "vitest";
import { measure } from "../../bench/frame.ts";
import { tableOf } from "../../bench/table.ts";

/** Works for about so many microseconds, and counts as ten operations. */
function busy(microseconds: number, log: string[], name: string): () => number {
  return () => {
    log.push(name);
    const end = performance.now() + microseconds / 1000;
    while (performance.now() < end);
    return 10;
  };
}

describe("a benchmark", () => {
  const log: string[] = [];
  const result = measure(
    {
      name: "example",
      operation: "turn",
      candidates: () => [
        { name: "ours", run: busy(1000, log, "ours") },
        { name: "peer", run: busy(4000, log, "peer") },
        { name: "other", absent: "not installed" },
      ],
    },
    { rounds: 5, warmUp: 0 },
  );

  it("takes turns, and not always in the same order", () => {
    expect(log.slice(0, 2)).toEqual(["ours", "peer"]);
    expect(log.slice(2)).toEqual([
      ...["ours", "peer"],
      ...["peer", "ours"],
      ...["ours", "peer"],
      ...["peer", "ours"],
      ...["ours", "peer"],
    ]);
  });

  it("gives the time of an operation, and the ratio to peers", () => {
    const [ours, peer, other] = result.candidates;
    expect(ours!.time!.least).toBeGreaterThan(90_000);
    expect(ours!.ratio).toBeNull();
    expect(peer!.time!.least).toBeGreaterThan(390_000);
    expect(peer!.ratio!.least).toBeLessThan(0.5);
    expect(peer!.ratio!.median).toBeLessThanOrEqual(peer!.ratio!.most);
    expect(other).toEqual({ name: "other", time: null, ratio: null, absent: "not installed" });
  });

  it("names what is absent", () => {
    const table = tableOf(result);
    expect(table).toMatch(/^example, for each turn, median and range of 5 rounds\n {2}ours +\d/);
    // What a busy machine makes of the figures is not this test's matter.
    expect(table).toMatch(/peer .* [µm]s .* ours takes [\d.]+ of its time \(/);
    expect(table).toMatch(/other +absent +not installed\n/);
  });
});
