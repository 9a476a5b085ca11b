import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { readCaseFile } from "../../verifier/support/case-file.ts";
import { KernelTypes } from "../../verifier/support/kernel-types.ts";
import { CaseOnKernel } from "../../verifier/support/kernel-verifier.ts";
import { Random } from "../random.ts";
import { fillableMaps, runAtRandom } from "./random-runs.ts";

// It takes what its verifier refuses, as a verifier that is wrong would.
const kernel = new EmbeddedKernel({ seed: 1, clock: () => 1, budget: 50_000, lenient: true });
const types = new KernelTypes(kernel.port.readFile("/sys/kernel/btf/vmlinux") as Uint8Array);

/** How often the program was run, and the kinds of accesses that were refused. */
function outcome(head: string, code: string): { readonly runs: number; readonly faults: readonly string[] } {
  const [test] = readCaseFile(`=== case\n${head}\ncode:\nmain:\n${code}\n  exit\n`, "test", "test");
  using loaded = new CaseOnKernel(kernel, types, test!);
  const { fd } = loaded.load(4);
  const faults = new Set<string>();
  let last = kernel.lastFault;
  const runs = runAtRandom(
    kernel,
    fd!,
    test!,
    fillableMaps(test!, loaded.maps),
    new Random("test"),
    (errno) => {
      const fault = kernel.lastFault;
      if (errno !== 0 && fault !== null && fault !== last) faults.add(fault.kind);
      last = fault;
    },
  );
  return { runs, faults: [...faults] };
}

const TABLE = "map table: hash, key 8, value 16, entries 4";
const lookup = (key: string) => `
  *(u64 *)(r10 - 8) = ${key}
  r1 = %table
  r2 = r10
  r2 += -8
  call bpf_map_lookup_elem`;

describe("random runs", () => {
  it.each(["sched_cls", "socket_filter", "xdp", "cgroup_skb", "raw_tracepoint", "syscall"])(
    "are runs of a %s program",
    (type) => {
      const { runs, faults } = outcome(
        `type: ${type}`,
        type === "cgroup_skb" ? "  r0 = 1" : type === "xdp" ? "  r0 = 2" : "  r0 = 0",
      );
      expect(faults).toEqual([]);
      expect(runs).toBeGreaterThan(40);
    },
  );

  it("are none of a type that cannot be run", () => {
    expect(outcome("type: kprobe", "  r0 = 0").runs).toBe(0);
  });

  it.each([
    [
      "a number that is let go too far into a map's value",
      "type: sched_cls\nmap cells: array, key 4, value 64, entries 1",
      `
  r6 = *(u32 *)(r1 + 8)
  r7 = %cells[0]+0
  r0 = 0
  if r6 > 61 goto out
  r7 += r6
  r0 = *(u32 *)(r7 + 0)
out:
  r0 = 0`,
    ],
    [
      "an element that goes over into the next",
      `type: xdp\n${TABLE}`,
      `${lookup("0")}
  if r0 == 0 goto out
  r0 = *(u64 *)(r0 + 12)
out:
  r0 = 2`,
    ],
    [
      "a value that was not tested for null",
      `type: raw_tracepoint\n${TABLE}`,
      `${lookup("77")}\n  r0 = *(u8 *)(r0 + 0)`,
    ],
    [
      "a number that is let go too far up the stack",
      "type: raw_tracepoint",
      `
  r6 = *(u64 *)(r1 + 8)
  r0 = 0
  if r6 > 16 goto out
  r2 = r10
  r2 += -16
  r2 += r6
  r0 = *(u8 *)(r2 + 0)
out:
  r0 = 0`,
    ],
  ])("show %s", (_, head, code) => {
    expect(outcome(head, code).faults).toEqual(["access"]);
  });
});
