import type { HelperCall } from "./helper.ts";

const WORD = 32;

/** Sets of CPUs in the one memory: bits of 64-bit words, as many as there are CPUs (`nr_cpu_ids`). */
export class CpumaskBits {
  readonly #view: DataView;
  readonly cpus: number;

  constructor(call: HelperCall) {
    this.#view = call.memory.view();
    this.cpus = call.services.cpus ?? 1;
  }

  /** Bytes of the words that the CPUs take. */
  get bytes(): number {
    return Math.ceil(this.cpus / 64) * 8;
  }

  has(mask: number, cpu: number): boolean {
    return (this.#word(mask, cpu >>> 5) & (1 << (cpu & 31))) !== 0;
  }

  set(mask: number, cpu: number, on: boolean): void {
    const at = mask + (cpu >>> 5) * 4;
    const bit = 1 << (cpu & 31);
    const word = this.#view.getInt32(at, true);
    this.#view.setInt32(at, on ? word | bit : word & ~bit, true);
  }

  /** Which CPUs of all satisfy a condition, word by word. @returns the first; `cpus` where none does. */
  first(wordAt: (index: number) => number, from = 0): number {
    for (let index = from >>> 5; index * WORD < this.cpus; index++) {
      let word = wordAt(index);
      if (index === from >>> 5) word &= -1 << (from & 31);
      if (word === 0) continue;
      const cpu = index * WORD + 31 - Math.clz32(word & -word);
      return Math.min(cpu, this.cpus);
    }
    return this.cpus;
  }

  /** The word of an index: bits that are in one set, or follow from several. */
  word(mask: number): (index: number) => number {
    return (index) => this.#word(mask, index);
  }

  /** Fills the words of a set, of as many bytes as the CPUs take or more. @returns whether any CPU is in it. */
  fill(mask: number, wordAt: (index: number) => number, bytes = 0): boolean {
    for (let index = 0; index < Math.max(this.bytes, bytes) / 4; index++)
      this.#view.setInt32(mask + index * 4, wordAt(index), true);
    return this.first(this.word(mask)) < this.cpus;
  }

  /** Words without the bits of CPUs that there are not. */
  within(wordAt: (index: number) => number): (index: number) => number {
    return (index) => {
      const left = this.cpus - index * WORD;
      return left >= WORD ? wordAt(index) : left <= 0 ? 0 : wordAt(index) & ((1 << left) - 1);
    };
  }

  #word(mask: number, index: number): number {
    return this.#view.getInt32(mask + index * 4, true);
  }
}

/** `bpf_cpumask_release`. @param usage offset of the count in the struct. */
export function releaseCpumask(call: HelperCall, at: number, usage: number): void {
  if (Atomics.sub(call.memory.words(), (at + usage) >>> 2, 1) === 1) call.services.objects?.release(at);
}
