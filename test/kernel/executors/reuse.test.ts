import { describe, expect, it } from "vitest";
import type { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import { loadText, u32 } from "../support.ts";
import { counted, lookup, Numbers, parallelKernel } from "./support.ts";

const CPUS = [0, 1];

/** Numbers of each CPU: how often the program has run, and how often something went wrong. */
const countsOf = (kernel: EmbeddedKernel) => new Numbers(kernel, 2, BpfMapType.PERCPU_ARRAY);

describe.each(["interp", "jit"] as const)("with the engine %s, executors use again", (engine) => {
  it("nodes of a trie that they take out of it all the time", async () => {
    await using kernel = await parallelKernel({ engine });
    const counts = countsOf(kernel);
    const values = kernel.mapCreate({
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 1024,
      maxEntries: 1,
    });
    const trie = kernel.mapCreate({
      mapType: BpfMapType.LPM_TRIE,
      mapFlags: BpfMapFlag.NO_PREALLOC,
      keySize: 8,
      valueSize: 1024,
      maxEntries: 64,
    });
    // Each enters and deletes prefixes of its own.
    const progFd = counted(
      kernel,
      counts,
      `${lookup(values, 0)}
      r3 = r0
      r1 = r6
      r1 >>= 1
      r1 &= 7
      r1 <<= 8
      r1 += r7
      *(u32 *)(r10 - 16) = 32
      *(u32 *)(r10 - 12) = r1
      r1 = map[id:${trie}]
      r2 = r10
      r2 += -16
      r6 &= 1
      if r6 != 0 goto delete
      r4 = 0
      call bpf_map_update_elem
      if r0 != 0 goto wrong
      goto out
    delete:
      call bpf_map_delete_elem
      if r0 != 0 goto wrong
      goto out`,
    );
    await kernel.runParallel({ progFd, cpus: CPUS, repeat: 2000 });
    const before = kernel.memoryUsed;
    const repeat = 60_000;
    await kernel.runParallel({ progFd, cpus: CPUS, repeat });
    expect(counts.ofCpus(0)).toEqual([2000 + repeat, 2000 + repeat]);
    expect(counts.at(1)).toBe(0);
    // 120,000 values would be more than 120 MB; some wait for a quiescent point of the kernel's thread.
    expect(kernel.memoryUsed - before).toBeLessThan(60 << 20);
  });

  it("programs' places: thousands come and go", async () => {
    await using kernel = await parallelKernel({ engine });
    const run = async (result: number) => {
      const progFd = loadText(kernel, "socket_filter", ` r0 = ${result}\n exit`);
      const results = await kernel.runParallel({ progFd, cpus: CPUS, repeat: 2 });
      kernel.port.close(progFd);
      expect(results.map(({ retval }) => retval)).toEqual([result, result]);
    };
    for (let i = 0; i < 50; i++) await run(i);
    const before = kernel.memoryUsed;
    for (let i = 0; i < 150; i++) await run(i);
    expect(kernel.memoryUsed - before).toBeLessThan(16_384);
  });

  it("elements of a table that evicts", async () => {
    await using kernel = await parallelKernel({ engine });
    const counts = countsOf(kernel);
    const table = kernel.mapCreate({
      mapType: BpfMapType.LRU_HASH,
      keySize: 8,
      valueSize: 8,
      maxEntries: 256,
    });
    const progFd = counted(
      kernel,
      counts,
      `r1 = r6
      r1 *= 7
      r1 &= 2047
      *(u64 *)(r10 - 16) = r1
      *(u64 *)(r10 - 24) = r1
      r1 = map[id:${table}]
      r2 = r10
      r2 += -16
      r3 = r10
      r3 += -24
      r4 = 0
      call bpf_map_update_elem
      if r0 != 0 goto wrong
      goto out`,
    );
    await kernel.runParallel({ progFd, cpus: CPUS, repeat: 40_000 });
    // What is there has the value of its key.
    let found = 0;
    for (let key = 0; key < 2048; key++) {
      const bytes = new Uint8Array(new BigUint64Array([BigInt(key)]).buffer);
      const value = kernel.mapLookupElem({ mapFd: table, key: bytes });
      if (value === null) continue;
      found++;
      expect(value).toEqual(bytes);
    }
    expect(found).toBeGreaterThan(0);
    expect(found).toBeLessThanOrEqual(256);
  });

  it("places of a queue: what went in comes out, once", async () => {
    await using kernel = await parallelKernel({ engine });
    const counts = countsOf(kernel);
    const queue = kernel.mapCreate({
      mapType: BpfMapType.QUEUE,
      keySize: 0,
      valueSize: 8,
      maxEntries: 64,
    });
    // [0] sum of what was pushed, [1] sum of what was popped.
    const sums = new Numbers(kernel, 2);
    const sum = (index: number) => `
      *(u32 *)(r10 - 4) = ${index}
      r2 = r10
      r2 += -4
      r1 = map[id:${sums.fd}]
      call bpf_map_lookup_elem
      if r0 == 0 goto wrong
      r1 = *(u64 *)(r10 - 16)
      lock *(u64 *)(r0 + 0) += r1
      goto out`;
    const progFd = counted(
      kernel,
      counts,
      `*(u64 *)(r10 - 16) = r6
      r1 = map[id:${queue}]
      r2 = r10
      r2 += -16
      r6 &= 1
      if r6 != 0 goto pop
      r3 = 0
      call bpf_map_push_elem
      if r0 != 0 goto out
      ${sum(0)}
    pop:
      call bpf_map_pop_elem
      if r0 != 0 goto out
      ${sum(1)}`,
    );
    await kernel.runParallel({ progFd, cpus: CPUS, repeat: 40_001 });
    expect(counts.at(1)).toBe(0);
    let left = 0;
    for (;;) {
      const value = kernel.mapLookupAndDeleteElem({ mapFd: queue, key: new Uint8Array(0) });
      if (value === null) break;
      left += Number(new BigUint64Array(value.slice().buffer)[0]);
    }
    expect(sums.at(1) + left).toBe(sums.at(0));
    expect(sums.at(1)).toBeGreaterThan(0);
  });

  it("maps in a map of maps, which system calls replace meanwhile", async () => {
    await using kernel = await parallelKernel({ engine });
    const counts = countsOf(kernel);
    const inner = () =>
      kernel.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 64 });
    let fd = inner();
    const outer = kernel.mapCreate({
      mapType: BpfMapType.ARRAY_OF_MAPS,
      keySize: 4,
      valueSize: 4,
      maxEntries: 1,
      innerMapFd: fd,
    });
    kernel.mapUpdateElem({ mapFd: outer, key: u32(0), value: u32(fd) });
    const progFd = counted(
      kernel,
      counts,
      `${lookup(outer, 0)}
      r9 = r0
      r6 &= 31
      *(u32 *)(r10 - 4) = r6
      *(u64 *)(r10 - 16) = r6
      r1 = r9
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -16
      r4 = 0
      call bpf_map_update_elem
      if r0 != 0 goto wrong
      r1 = r9
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto wrong
      goto out`,
    );
    const before = kernel.memoryUsed;
    let done = false;
    const running = kernel.runParallel({ progFd, cpus: CPUS, repeat: 100_000 }).finally(() => {
      done = true;
    });
    let replaced = 0;
    while (!done) {
      kernel.port.close(fd);
      fd = inner();
      kernel.mapUpdateElem({ mapFd: outer, key: u32(0), value: u32(fd) });
      replaced++;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect((await running).map(({ fault }) => fault)).toEqual([null, null]);
    expect(counts.at(1)).toBe(0);
    expect(replaced).toBeGreaterThan(0);
    expect(kernel.memoryUsed - before).toBeLessThan(8 << 20);
  });
});
