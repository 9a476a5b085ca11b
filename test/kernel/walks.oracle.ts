import { expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfCommands } from "../../src/sys/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { readCaseFile } from "../verifier/support/case-file.ts";
import { CaseOnKernel } from "../verifier/support/kernel-verifier.ts";
import type { VerifierCase } from "../verifier/support/verifier-case.ts";
import { linuxTypes } from "./case-program.ts";
import { u32 } from "./support.ts";

const TYPES = ["hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "array", "percpu_array"];

/** Adds key times value up, for as many elements as the first byte of the packet says, and deletes those of 3. */
const walk = (type: string) => `
=== walk
type: xdp
types:
  int main(struct xdp_md *ctx);
  static int each(void *map, int *key, void *value, void *ctx);
map m: ${type}, key 4, value 8, entries 8
code:
main:
  r2 = *(u32 *)(r1 + 4)
  r1 = *(u32 *)(r1 + 0)
  r3 = r1
  r3 += 1
  r4 = 0
  if r3 > r2 goto go
  r4 = *(u8 *)(r1 + 0)
go:
  *(u64 *)(r10 - 8) = r4
  *(u64 *)(r10 - 16) = 0
  r1 = %m; r2 = subprog[each]; r3 = r10; r3 += -16; r4 = 0
  call bpf_for_each_map_elem
  r1 = *(u64 *)(r10 - 16)
  r1 <<= 8
  r0 |= r1
  exit
each:
  r6 = r1
  r7 = r2
  r1 = *(u32 *)(r2 + 0)
  r2 = *(u64 *)(r3 + 0)
  r1 *= r2
  r2 = *(u64 *)(r4 + 0)
  r2 += r1
  *(u64 *)(r4 + 0) = r2
  r8 = r4
  r1 = *(u32 *)(r7 + 0)
  if r1 != 3 goto on
  r2 = r7
  r1 = r6
  call bpf_map_delete_elem
on:
  r1 = *(u64 *)(r8 + 8)
  r1 += -1
  *(u64 *)(r8 + 8) = r1
  r0 = 0
  if r1 != 0 goto out
  r0 = 1
out:
  exit
`;

/** The low half of a CPU's value of key 2; the CPU is the first byte of the packet. */
const perCpu = (type: string) => `
=== of a CPU
type: xdp
types:
  int main(struct xdp_md *ctx);
map m: ${type}, key 4, value 8, entries 8
code:
main:
  r2 = *(u32 *)(r1 + 4)
  r1 = *(u32 *)(r1 + 0)
  r3 = r1
  r3 += 1
  r4 = 0
  if r3 > r2 goto go
  r4 = *(u8 *)(r1 + 0)
go:
  *(u32 *)(r10 - 4) = 2
  r1 = %m; r2 = r10; r2 += -4; r3 = r4
  call bpf_map_lookup_percpu_elem
  if r0 == 0 goto out
  r0 = *(u32 *)(r0 + 0)
out:
  exit
`;

describeWith([liveKernel("6.18")], "walks and values of CPUs, as Linux", async () => {
  const live = new BpfCommands((await livePort()).port!);
  const cpus = live.possibleCpus();
  const embedded = new EmbeddedKernel({ btf: linuxTypes().btf, cpus });

  /** What a program returns for some first bytes, on a map with 6 keys, in whose values all CPUs differ. */
  function results(sys: BpfCommands, text: string, type: string): number[] {
    const [test] = readCaseFile(text, "program", "program") as [VerifierCase];
    using loaded = new CaseOnKernel(sys, linuxTypes(), test);
    const answer = loaded.load(1);
    if (answer.fd === null) throw new Error(answer.log);
    const progFd = answer.fd;
    const values = type.includes("percpu") ? cpus : 1;
    for (let key = 1; key < 7; key++) {
      const words = BigUint64Array.from({ length: values }, () => BigInt(key * 5));
      if (!text.includes("walk")) for (let cpu = 0; cpu < values; cpu++) words[cpu] = BigInt(cpu + 40);
      sys.mapUpdateElem({ mapFd: loaded.maps[0]!, key: u32(key), value: new Uint8Array(words.buffer) });
    }
    return [0, 1, 2, 5, 6, 7, 200].map((first) => {
      const dataIn = new Uint8Array(64);
      dataIn[0] = first;
      const { retval } = sys.progTestRun({ progFd, dataIn });
      // Hash tables are walked in an order of their own: part of a sum is no fact.
      const partly = text.includes("walk") && !type.includes("array") && first > 0 && first < 6;
      return partly ? retval & 0xff : retval;
    });
  }

  it.each(TYPES)("%s", (type) => {
    expect(results(embedded, walk(type), type)).toEqual(results(live, walk(type), type));
  });

  it.each(TYPES.filter((type) => type.includes("percpu")))("%s: a CPU's value", (type) => {
    expect(results(embedded, perCpu(type), type)).toEqual(results(live, perCpu(type), type));
  });
});
