import { EmbeddedKernel, type KernelOptions } from "../../../src/kernel/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { loadText, u32 } from "../support.ts";

/** Executors of a test's kernels, unless it needs to say how many. */
export const EXECUTORS = 2;

/** A kernel of two CPUs and as many executors beside its own. */
export async function parallelKernel(options: KernelOptions = {}): Promise<EmbeddedKernel> {
  return new EmbeddedKernel({
    cpus: 2,
    engine: "jit",
    executors: await testExecutors(EXECUTORS),
    ...options,
  });
}

/** An array of 64-bit numbers, and how to read them. */
export class Numbers {
  readonly fd: number;
  readonly #kernel: EmbeddedKernel;

  constructor(kernel: EmbeddedKernel, entries = 1, type: number = BpfMapType.ARRAY) {
    this.#kernel = kernel;
    this.fd = kernel.mapCreate({ mapType: type, keySize: 4, valueSize: 8, maxEntries: entries });
  }

  /** Of a per-CPU array the sum. */
  at(index: number): number {
    return this.ofCpus(index).reduce((sum, each) => sum + each, 0);
  }

  /** Of an array one. */
  ofCpus(index: number): number[] {
    const value = this.#kernel.mapLookupElem({ mapFd: this.fd, key: u32(index) })!;
    return Array.from(new BigUint64Array(value.slice().buffer), Number);
  }
}

/** Text that has r0 be the address of a value, or goes to `out`: `key` is pushed to the stack at r10 - 4. */
export function lookup(fd: number, index: number): string {
  return `
  *(u32 *)(r10 - 4) = ${index}
  r2 = r10
  r2 += -4
  r1 = map[id:${fd}]
  call bpf_map_lookup_elem
  if r0 == 0 goto out`;
}

/** A program that has the number of its run on this CPU in r6, the CPU in r7, and says `goto wrong` or `goto out`. */
export function counted(kernel: EmbeddedKernel, counts: Numbers, body: string): number {
  return loadText(
    kernel,
    "socket_filter",
    `${lookup(counts.fd, 0)}
      r6 = *(u64 *)(r0 + 0)
      r1 = r6
      r1 += 1
      *(u64 *)(r0 + 0) = r1
      call bpf_get_smp_processor_id
      r7 = r0
      ${body}
    wrong:
      ${lookup(counts.fd, 1)}
      r1 = *(u64 *)(r0 + 0)
      r1 += 1
      *(u64 *)(r0 + 0) = r1
    out:
      r0 = 0
      exit`,
  );
}
