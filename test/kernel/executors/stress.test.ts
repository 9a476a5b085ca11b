import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { CaseProgram } from "../case-program.ts";
import { loadText, u32 } from "../support.ts";
import { counted, lookup, Numbers, parallelKernel } from "./support.ts";

const { NO_PREALLOC, NO_COMMON_LRU } = BpfMapFlag;
const { HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH } = BpfMapType;

/** Every kind of hash table, with room for all keys: those that evict lay no more hold on them than others. */
const KINDS: readonly (readonly [string, type: number, flags: number])[] = [
  ["hash", HASH, 0],
  ["hash, not preallocated", HASH, NO_PREALLOC],
  ["per-CPU hash", PERCPU_HASH, 0],
  ["per-CPU hash, not preallocated", PERCPU_HASH, NO_PREALLOC],
  ["LRU hash", LRU_HASH, 0],
  ["LRU hash of each CPU's lists", LRU_HASH, NO_COMMON_LRU],
  ["LRU per-CPU hash", LRU_PERCPU_HASH, 0],
];

const CPUS = [0, 1];
const ENTRIES = 1 << 14;

/** A hash table, and for each CPU how often it has run and what went wrong. */
class Table {
  readonly kernel: EmbeddedKernel;
  readonly fd: number;
  readonly runs: Numbers;
  readonly #perCpu: boolean;

  constructor(kernel: EmbeddedKernel, mapType: number, mapFlags: number, maxEntries = ENTRIES) {
    this.kernel = kernel;
    this.fd = kernel.mapCreate({ mapType, mapFlags, keySize: 8, valueSize: 8, maxEntries });
    this.runs = new Numbers(kernel, 2, BpfMapType.PERCPU_ARRAY);
    this.#perCpu = mapType === PERCPU_HASH || mapType === LRU_PERCPU_HASH;
  }

  /** A program that has the number of its run on this CPU in r6 and the CPU in r7, from 0. */
  load(body: string): number {
    return counted(this.kernel, this.runs, body);
  }

  /** Text that has the key and the value that r1 says on the stack, and the map and their addresses in r1 to r3. */
  operands(): string {
    return `*(u64 *)(r10 - 16) = r1
        *(u64 *)(r10 - 24) = r1
        ${this.key()}
        r3 = r10
        r3 += -24`;
  }

  key(): string {
    return `r1 = map[id:${this.fd}]
        r2 = r10
        r2 += -16`;
  }

  /** The keys that are there, with the sum of their values. */
  elements(): Map<number, number> {
    const found = new Map<number, number>();
    let key = this.kernel.mapGetNextKey({ mapFd: this.fd, key: null });
    while (key !== null) {
      const number = Number(new DataView(key.buffer, key.byteOffset).getBigUint64(0, true));
      // A key twice would be seen twice.
      expect(found.has(number)).toBe(false);
      const value = this.kernel.mapLookupElem({ mapFd: this.fd, key });
      if (value !== null) found.set(number, sumOf(value, this.#perCpu));
      key = this.kernel.mapGetNextKey({ mapFd: this.fd, key });
    }
    return found;
  }
}

function sumOf(value: Uint8Array, perCpu: boolean): number {
  const numbers = Array.from(new BigUint64Array(value.slice().buffer), Number);
  return perCpu ? numbers.reduce((sum, each) => sum + each, 0) : numbers[0]!;
}

describe.each(["interp", "jit"] as const)("two executors on one %s-engined kernel", (engine) => {
  // One for all of these: what starts threads takes longer than what they do.
  let kernel: EmbeddedKernel;

  beforeAll(async () => {
    kernel = await parallelKernel({ engine });
  });

  afterAll(() => kernel[Symbol.asyncDispose]());

  it.each(KINDS)("%s: no insert is lost", async (_name, type, flags) => {
    const table = new Table(kernel, type, flags);
    const progFd = table.load(`
        r1 = r6
        r1 <<= 1
        r1 += r7
        ${table.operands()}
        r4 = 1
        call bpf_map_update_elem
        if r0 == 0 goto out`);
    const repeat = 6_000;
    await kernel.runParallel({ progFd, cpus: CPUS, repeat });
    expect(table.runs.ofCpus(0)).toEqual([repeat, repeat]);
    expect(table.runs.at(1)).toBe(0);
    const elements = table.elements();
    expect(elements.size).toBe(2 * repeat);
    for (let key = 0; key < 2 * repeat; key++)
      if (elements.get(key) !== key) expect([key, elements.get(key)]).toBe(key);
  });

  // Few buckets, so that executors meet in them.
  it.each(KINDS.slice(0, 4))(
    "%s: who enters a key finds it until it deletes it",
    async (_name, type, flags) => {
      const table = new Table(kernel, type, flags, 8);
      const progFd = table.load(`
        r1 = r6
        r1 &= 1
        r1 <<= 1
        r1 += r7
        ${table.operands()}
        r4 = 1
        call bpf_map_update_elem
        if r0 != 0 goto wrong
        ${table.key()}
        call bpf_map_lookup_elem
        if r0 == 0 goto wrong
        ${table.key()}
        call bpf_map_delete_elem
        if r0 == 0 goto out`);
      await kernel.runParallel({ progFd, cpus: CPUS, repeat: 60_000 });
      expect(table.runs.at(1)).toBe(0);
      expect(table.elements().size).toBe(0);
    },
  );

  it.each(KINDS)("%s: counters of common keys are exact, whoever enters them", async (_name, type, flags) => {
    const table = new Table(kernel, type, flags);
    const find = `${table.key()}
        call bpf_map_lookup_elem`;
    const progFd = table.load(`
        r1 = r6
        r1 &= 1023
        *(u64 *)(r10 - 16) = r1
        *(u64 *)(r10 - 24) = 0
        ${find}
        if r0 != 0 goto add
        ${table.key()}
        r3 = r10
        r3 += -24
        r4 = 1
        call bpf_map_update_elem
        ${find}
        if r0 == 0 goto wrong
      add:
        r1 = 1
        lock *(u64 *)(r0 + 0) += r1
        goto out`);
    const repeat = 40 * 1024;
    await kernel.runParallel({ progFd, cpus: CPUS, repeat });
    expect(table.runs.at(1)).toBe(0);
    const elements = table.elements();
    expect([...elements.values()].every((count) => count === 2 * 40)).toBe(true);
    expect(elements.size).toBe(1024);
  });

  it.each(KINDS)("%s: what was entered and not deleted is there", async (_name, type, flags) => {
    const table = new Table(kernel, type, flags);
    const balance = new Numbers(kernel, 8);
    // Even runs enter a key unless it is there, odd ones delete it; what each did to the balance of the key is counted.
    const progFd = table.load(`
        r8 = r6
        r8 >>= 1
        r8 &= 7
        r9 = 1
        r1 = r8
        ${table.operands()}
        r6 &= 1
        if r6 != 0 goto delete
        r4 = 1
        call bpf_map_update_elem
        if r0 != 0 goto out
        goto account
      delete:
        call bpf_map_delete_elem
        if r0 != 0 goto out
        r9 = -1
      account:
        *(u32 *)(r10 - 4) = r8
        r2 = r10
        r2 += -4
        r1 = map[id:${balance.fd}]
        call bpf_map_lookup_elem
        if r0 == 0 goto wrong
        lock *(u64 *)(r0 + 0) += r9
        goto out`);
    await kernel.runParallel({ progFd, cpus: CPUS, repeat: 60_001 });
    const elements = table.elements();
    for (let key = 0; key < 8; key++) expect(balance.at(key)).toBe(elements.has(key) ? 1 : 0);
  });
});

const LOCKED = `type: sched_cls
types:
  struct val { struct bpf_spin_lock lock; int pad; long w[6]; };
  struct wrong { long n; };
map locked: hash, key int, value struct val, entries 1
map wrong: array, key int, value struct wrong, entries 1
element locked: 00000000 = zeros(56)
code:
  call bpf_get_prandom_u32
  r6 = r0
  *(u64 *)(r10 - 64) = 0
  *(u64 *)(r10 - 56) = r6
  *(u64 *)(r10 - 48) = r6
  *(u64 *)(r10 - 40) = r6
  *(u64 *)(r10 - 32) = r6
  *(u64 *)(r10 - 24) = r6
  *(u64 *)(r10 - 16) = r6
  *(u32 *)(r10 - 4) = 0
  r1 = %locked; r2 = r10; r2 += -4; r3 = r10; r3 += -64; r4 = 4
  call bpf_map_update_elem
  r1 = %locked; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0
  r1 = r6
  call bpf_spin_lock
  r7 = *(u64 *)(r6 + 8)
  r8 = 0
  r9 = *(u64 *)(r6 + 16); r9 ^= r7; r8 |= r9
  r9 = *(u64 *)(r6 + 24); r9 ^= r7; r8 |= r9
  r9 = *(u64 *)(r6 + 32); r9 ^= r7; r8 |= r9
  r9 = *(u64 *)(r6 + 40); r9 ^= r7; r8 |= r9
  r9 = *(u64 *)(r6 + 48); r9 ^= r7; r8 |= r9
  r1 = r6
  call bpf_spin_unlock
  if r8 == 0 goto out
  r1 = %wrong; r2 = r10; r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = 1
  lock *(u64 *)(r0 + 0) += r1
out:
  r0 = 0
  exit
`;

describe("values with a lock", () => {
  it.each(["interp", "jit"] as const)(
    "are seen whole by all who take it, with the engine %s",
    async (engine) => {
      const sut = new CaseProgram(LOCKED, { engine, cpus: 2, executors: await testExecutors(2) });
      const { kernel, progFd } = sut;
      const [locked, wrong] = mapsByName(kernel);
      let done = false;
      const running = kernel.runParallel({ progFd, cpus: CPUS, repeat: 60_000 }).finally(() => {
        done = true;
      });
      let looks = 0;
      while (!done) {
        // BPF_F_LOCK: a system call takes the lock, too.
        const value = kernel.mapLookupElem({ mapFd: locked!, key: u32(0), flags: 4n })!;
        const words = new BigUint64Array(value.slice(8).buffer);
        expect(words.every((word) => word === words[0])).toBe(true);
        if (++looks % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      for (const { fault, runs } of await running) expect([fault, runs]).toEqual([null, 60_000]);
      expect(kernel.mapLookupElem({ mapFd: wrong!, key: u32(0) })![0]).toBe(0);
      await kernel.shutdown();
    },
  );
});

/** Descriptors of the maps of a case, in the order in which they were made. */
function mapsByName(kernel: EmbeddedKernel): number[] {
  const fds: number[] = [];
  for (let id = kernel.mapGetNextId({ startId: 0 }); id !== null; id = kernel.mapGetNextId({ startId: id }))
    fds.push(kernel.mapGetFdById({ id }));
  return fds;
}

describe("a ring buffer with two producers", () => {
  it.each(["interp", "jit"] as const)(
    "has every record once, each CPU's in order, with the engine %s",
    async (engine) => {
      await using kernel = await parallelKernel({ engine });
      const ring = kernel.mapCreate({
        mapType: BpfMapType.RINGBUF,
        keySize: 0,
        valueSize: 0,
        maxEntries: 1 << 16,
      });
      const counts = new Numbers(kernel, 2, BpfMapType.PERCPU_ARRAY);
      // What finds no room is counted, and does not use up a number.
      const progFd = loadText(
        kernel,
        "socket_filter",
        `${lookup(counts.fd, 0)}
        r9 = r0
        call bpf_get_smp_processor_id
        *(u64 *)(r10 - 24) = r0
        r1 = *(u64 *)(r9 + 0)
        *(u64 *)(r10 - 16) = r1
        r1 = map[id:${ring}]
        r2 = r10
        r2 += -24
        r3 = 16
        r4 = 0
        call bpf_ringbuf_output
        if r0 != 0 goto full
        r1 = *(u64 *)(r9 + 0)
        r1 += 1
        *(u64 *)(r9 + 0) = r1
        goto out
      full:
        ${lookup(counts.fd, 1)}
        r1 = *(u64 *)(r0 + 0)
        r1 += 1
        *(u64 *)(r0 + 0) = r1
      out:
        r0 = 0
        exit`,
      );
      const repeat = 200_000;
      const next = [0, 0];
      let disorder = 0;
      const drain = () => {
        const batch = kernel.port.ringConsume(ring, 4096);
        if (typeof batch === "number") throw new Error(`ringConsume: ${batch}`);
        for (const record of batch.records) {
          const view = new DataView(record.buffer, record.byteOffset, record.length);
          const cpu = Number(view.getBigUint64(0, true));
          if (Number(view.getBigUint64(8, true)) !== next[cpu]!++) disorder++;
        }
        const { length } = batch.records;
        batch.release();
        return length;
      };
      let done = false;
      const running = kernel.runParallel({ progFd, cpus: CPUS, repeat }).finally(() => {
        done = true;
      });
      while (!done) {
        if (drain() === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        else await Promise.resolve();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await running;
      while (drain() > 0);
      expect(disorder).toBe(0);
      expect(next).toEqual(counts.ofCpus(0));
      expect(counts.at(0) + counts.at(1)).toBe(2 * repeat);
      expect(counts.at(0)).toBeGreaterThan(2 * 1000);
    },
  );
});
