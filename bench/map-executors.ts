// One hash map under one executor and under several, which run the same program: what `npm run bench -- maps` ends with.
import { availableParallelism } from "node:os";
import { assemble } from "../src/asm/index.ts";
import { EmbeddedKernel } from "../src/kernel/index.ts";
import { BpfFuncId, BpfMapType, BpfProgType } from "../src/uapi/index.ts";
import { testExecutors } from "../test/support/executors.ts";

const KEYS = 1024;
/** Operations of one run. */
const STEPS = 32;
const ROUNDS = 7;
const RUNS = 100_000;

type Work = "update" | "lookup and atomic add";

/** A program that works on 32 keys of a hash, and goes on with others in its next run on the same CPU. */
function programOf(hash: number, state: number, work: Work): string {
  const call =
    work === "update"
      ? " r3 = r10\n r3 += -24\n r4 = 0\n call bpf_map_update_elem"
      : " call bpf_map_lookup_elem\n if r0 == 0 goto next\n r1 = 1\n lock *(u64 *)(r0 + 0) += r1";
  return `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map[id:${state}]
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r8 = r0
  r6 = *(u64 *)(r8 + 0)
  r7 = ${STEPS}
again:
  r6 *= 5
  r6 += 1237
  r6 &= ${KEYS - 1}
  *(u64 *)(r10 - 16) = r6
  *(u64 *)(r10 - 24) = r6
  r1 = map[id:${hash}]
  r2 = r10
  r2 += -16
${call}
next:
  r7 += -1
  if r7 != 0 goto again
  *(u64 *)(r8 + 0) = r6
out:
  r0 = 0
  exit`;
}

interface Measured {
  /** Nanoseconds of an operation on one CPU. */
  readonly nanoseconds: number;
  /** Operations of all CPUs together, in millions a second. */
  readonly throughput: number;
}

class Subject {
  readonly kernel: EmbeddedKernel;
  readonly progFd: number;

  constructor(kernel: EmbeddedKernel, work: Work) {
    this.kernel = kernel;
    const { HASH, PERCPU_ARRAY } = BpfMapType;
    const hash = kernel.mapCreate({ mapType: HASH, keySize: 8, valueSize: 8, maxEntries: KEYS });
    const state = kernel.mapCreate({ mapType: PERCPU_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1 });
    for (let i = 0; i < KEYS; i++) {
      const key = new Uint8Array(new BigUint64Array([BigInt(i)]).buffer);
      kernel.mapUpdateElem({ mapFd: hash, key, value: key });
    }
    const ids: Readonly<Record<string, number>> = BpfFuncId;
    const { insns } = assemble(programOf(hash, state, work), {
      helperId: (name) => ids[name.replace(/^bpf_/, "")],
    });
    this.progFd = kernel.progLoad({ progType: BpfProgType.SOCKET_FILTER, insns, license: "GPL" }).fd;
  }

  /** On the kernel's own thread: no locks are taken. */
  alone(): Measured {
    const { duration } = this.kernel.progTestRun({
      progFd: this.progFd,
      dataIn: new Uint8Array(64),
      repeat: RUNS,
    });
    const nanoseconds = duration / STEPS;
    return { nanoseconds, throughput: 1000 / nanoseconds };
  }

  async on(cpus: readonly number[]): Promise<Measured> {
    const results = await this.kernel.runParallel({ progFd: this.progFd, cpus, repeat: RUNS });
    const each = results.map(({ nanoseconds, runs }) => nanoseconds / (runs * STEPS));
    return {
      nanoseconds: each.reduce((sum, one) => sum + one, 0) / each.length,
      throughput: each.reduce((sum, one) => sum + 1000 / one, 0),
    };
  }
}

/** The best of some rounds, as the least time an operation takes. */
async function best(measure: () => Measured | Promise<Measured>): Promise<Measured> {
  let found = await measure();
  for (let round = 1; round < ROUNDS; round++) {
    const next = await measure();
    if (next.nanoseconds < found.nanoseconds) found = next;
  }
  return found;
}

/** Prints how fast programs of one and of several executors work on one hash of 1024 entries. */
export async function executorRows(): Promise<void> {
  console.log(
    `\none hash of ${KEYS} entries, 8-byte key and value, under programs (the JIT's; the run included)`,
  );
  console.log(`${"".padEnd(64)}${"ns each".padStart(8)}${"million/s".padStart(12)}`);
  const row = (name: string, { nanoseconds, throughput }: Measured) =>
    console.log(
      `${name.padEnd(64)}${nanoseconds.toFixed(2).padStart(8)}${throughput.toFixed(1).padStart(12)}`,
    );
  for (const work of ["update", "lookup and atomic add"] as const) {
    const alone = new Subject(new EmbeddedKernel({ cpus: 2, engine: "jit" }), work);
    row(`${work}: the kernel's own thread alone, no locks`, await best(() => alone.alone()));
    await using kernel = new EmbeddedKernel({ cpus: 2, engine: "jit", executors: await testExecutors(2) });
    const subject = new Subject(kernel, work);
    row(`${work}: one executor, with locks`, await best(() => subject.on([0])));
    row(`${work}: two executors at the same keys`, await best(() => subject.on([0, 1])));
  }
  if (availableParallelism() < 2) console.log("(this machine has one core: its executors take turns)");
}
