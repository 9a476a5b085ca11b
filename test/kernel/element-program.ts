import { load } from "./programs.ts";
import type { Pair, Twins } from "./twins.ts";

/**
 * A program that does with a map of 8-byte values what its arguments say: an operation, a key (or value) of up to 8
 * bytes, a value, and flags. It gives the result, or of a look-up the low half of the value (0 for none).
 */
const TEXT = `
  r7 = *(u64 *)(r1 + 0)
  r2 = *(u64 *)(r1 + 8)
  *(u64 *)(r10 - 8) = r2
  r3 = *(u64 *)(r1 + 16)
  *(u64 *)(r10 - 16) = r3
  r4 = *(u64 *)(r1 + 24)
  r1 = %0
  r2 = r10
  r2 += -8
  r3 = r10
  r3 += -16
  if r7 == 1 goto update
  if r7 == 2 goto delete
  call bpf_map_lookup_elem
  if r0 == 0 goto end
  r0 = *(u32 *)(r0 + 0)
  exit
update:
  call bpf_map_update_elem
  exit
delete:
  call bpf_map_delete_elem
end:
  exit`;

const OPERATIONS = { lookup: 0, update: 1, delete: 2 } as const;

/** Operations on a map by a program, on both kernels, as a CPU. */
export class ElementProgram {
  readonly #twins: Twins;
  readonly #progFd: Pair;

  constructor(twins: Twins, map: Pair) {
    this.#twins = twins;
    this.#progFd = load(twins, "raw_tracepoint", TEXT, { maps: [map] });
  }

  run(
    what: keyof typeof OPERATIONS,
    {
      key = 0n,
      value = 0n,
      flags = 0n,
      cpu = 0,
    }: { key?: bigint; value?: bigint; flags?: bigint; cpu?: number },
  ): void {
    const ctxIn = new Uint8Array(BigUint64Array.of(BigInt(OPERATIONS[what]), key, value, flags).buffer);
    const run = { progFd: this.#progFd, ctxIn, ctxSizeIn: 32, cpu, flags: ON_CPU };
    this.#twins.call("PROG_TEST_RUN", run);
  }

  close(): void {
    this.#twins.close(this.#progFd);
  }
}

/** `BPF_F_TEST_RUN_ON_CPU` */
const ON_CPU = 1;
