import type { KernelLayout } from "../platform/index.ts";
import { Errno } from "../uapi/index.ts";
import { CpumaskBits, releaseCpumask } from "./cpumask-bits.ts";
import { hostKfunc } from "./define.ts";
import type { HelperCall, Kfunc, ValueKind } from "./helper.ts";

/** Bytes of sets of 256 CPUs. */
const SMALL_SET = 32;

type Body = (bits: CpumaskBits, ...args: number[]) => number | boolean;

/** `struct bpf_cpumask`: sets of CPUs that programs have of their own, and look at of the kernel's. */
export function cpumaskKfuncs(layout: KernelLayout): readonly Kfunc[] {
  const size = layout.sizeOf("bpf_cpumask");
  const USAGE = layout.offset("bpf_cpumask.usage");
  /** `large_cpumask_bits`: small sets are cleared and copied whole. */
  const whole = layout.sizeOf("cpumask") <= SMALL_SET ? layout.sizeOf("cpumask") : 0;
  /** `distribute_cpu_mask_prev`, by CPU. */
  const previous = new Map<number, number>();

  const define = (name: string, args: readonly ValueKind[], result: "u32" | "void", body: Body): Kfunc =>
    hostKfunc(`bpf_cpumask_${name}`, { args, result }, (call, ...given) =>
      Number(body(new CpumaskBits(call), ...given.map((each) => each >>> 0))),
    );

  /** Whatever names no CPU is nothing to do for. */
  const ofCpu = (
    name: string,
    result: "u32" | "void",
    body: (bits: CpumaskBits, cpu: number, mask: number) => boolean,
  ) => define(name, ["i32", "ptr"], result, (bits, cpu, mask) => cpu! < bits.cpus && body(bits, cpu!, mask!));

  const change = (on: boolean) => (bits: CpumaskBits, cpu: number, mask: number) => {
    const before = bits.has(mask, cpu);
    bits.set(mask, cpu, on);
    return before;
  };

  /** `cpumask_any_distribute`: the next one behind that of the last call on this CPU, from the start again where none is. */
  const distribute = (call: HelperCall, wordOf: (bits: CpumaskBits) => (index: number) => number): number => {
    const bits = new CpumaskBits(call);
    const word = wordOf(bits);
    let next = bits.first(word, (previous.get(call.cpu) ?? 0) + 1);
    if (next >= bits.cpus) next = bits.first(word);
    if (next < bits.cpus) previous.set(call.cpu, next);
    return next;
  };

  const both = (bits: CpumaskBits, one: number, other: number) => (index: number) =>
    bits.word(one)(index) & bits.word(other)(index);

  return [
    hostKfunc("bpf_cpumask_create", { args: [], result: "ptr" }, (call) => {
      const at = call.services.objects?.allocate(size) ?? 0;
      if (at !== 0) call.memory.view().setUint32(at + USAGE, 1, true);
      return at;
    }),
    hostKfunc("bpf_cpumask_acquire", { args: ["ptr"], result: "ptr" }, (call, at) => {
      Atomics.add(call.memory.words(), ((at! >>> 0) + USAGE) >>> 2, 1);
      return at!;
    }),
    hostKfunc("bpf_cpumask_release", { args: ["ptr"], result: "void" }, (call, at) => {
      releaseCpumask(call, at! >>> 0, USAGE);
      return 0;
    }),
    define("first", ["ptr"], "u32", (bits, mask) => bits.first(bits.word(mask!))),
    define("first_zero", ["ptr"], "u32", (bits, mask) => bits.first((index) => ~bits.word(mask!)(index))),
    define("first_and", ["ptr", "ptr"], "u32", (bits, one, other) => bits.first(both(bits, one!, other!))),
    ofCpu("set_cpu", "void", change(true)),
    ofCpu("clear_cpu", "void", change(false)),
    ofCpu("test_cpu", "u32", (bits, cpu, mask) => bits.has(mask, cpu)),
    ofCpu("test_and_set_cpu", "u32", change(true)),
    ofCpu("test_and_clear_cpu", "u32", change(false)),
    // bitmap_fill: whole words, also bits of no CPU.
    define("setall", ["ptr"], "void", (bits, mask) => bits.fill(mask!, () => -1)),
    define("clear", ["ptr"], "void", (bits, mask) => bits.fill(mask!, () => 0, whole)),
    define("and", ["ptr", "ptr", "ptr"], "u32", (bits, to, one, other) =>
      bits.fill(to!, bits.within(both(bits, one!, other!))),
    ),
    define("or", ["ptr", "ptr", "ptr"], "void", (bits, to, one, other) =>
      bits.fill(to!, (index) => bits.word(one!)(index) | bits.word(other!)(index)),
    ),
    define("xor", ["ptr", "ptr", "ptr"], "void", (bits, to, one, other) =>
      bits.fill(to!, (index) => bits.word(one!)(index) ^ bits.word(other!)(index)),
    ),
    define("equal", ["ptr", "ptr"], "u32", (bits, one, other) => {
      const different = (index: number) => bits.word(one!)(index) ^ bits.word(other!)(index);
      return bits.first(different) >= bits.cpus;
    }),
    define(
      "intersects",
      ["ptr", "ptr"],
      "u32",
      (bits, one, other) => bits.first(both(bits, one!, other!)) < bits.cpus,
    ),
    define("subset", ["ptr", "ptr"], "u32", (bits, one, other) => {
      const outside = (index: number) => bits.word(one!)(index) & ~bits.word(other!)(index);
      return bits.first(outside) >= bits.cpus;
    }),
    define("empty", ["ptr"], "u32", (bits, mask) => bits.first(bits.word(mask!)) >= bits.cpus),
    define(
      "full",
      ["ptr"],
      "u32",
      (bits, mask) => bits.first((index) => ~bits.word(mask!)(index)) >= bits.cpus,
    ),
    define("copy", ["ptr", "ptr"], "void", (bits, to, from) => bits.fill(to!, bits.word(from!), whole)),
    hostKfunc("bpf_cpumask_any_distribute", { args: ["ptr"], result: "u32" }, (call, mask) =>
      distribute(call, (bits) => bits.word(mask! >>> 0)),
    ),
    hostKfunc("bpf_cpumask_any_and_distribute", { args: ["ptr", "ptr"], result: "u32" }, (call, one, other) =>
      distribute(call, (bits) => both(bits, one! >>> 0, other! >>> 0)),
    ),
    define("weight", ["ptr"], "u32", (bits, mask) => {
      let weight = 0;
      for (
        let cpu = bits.first(bits.word(mask!));
        cpu < bits.cpus;
        cpu = bits.first(bits.word(mask!), cpu + 1)
      )
        weight++;
      return weight;
    }),
    define("populate", ["ptr", "ptr", "i32"], "u32", (bits, mask, from, length) => {
      if (length! < bits.bytes) return -Errno.EACCES;
      bits.fill(mask!, bits.word(from!));
      return 0;
    }),
  ];
}
