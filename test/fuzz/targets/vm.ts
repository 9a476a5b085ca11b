import { hexOf, messageOf, U64_MAX } from "../../../src/base/index.ts";
import { encode } from "../../../src/isa/index.ts";
import { Vm, type VmHelper } from "../../../src/vm/index.ts";
import { mutateInsns } from "../insns-mutator.ts";
import { complaintAbout, demand } from "../oracle.ts";
import type { Target } from "../target.ts";
import { programs } from "./asm.ts";

const BUDGET = 20_000;
const MEMORY = 64;

/** Helpers that give the same in every run; one of them reads and writes the program's memory. */
const HELPERS: ReadonlyMap<number, VmHelper> = new Map<number, VmHelper>([
  [5, () => 1n],
  [7, () => U64_MAX],
  [
    1,
    (address, length, _r3, _r4, _r5, memory) => {
      const bytes = memory.bytes(address, Number(length & 0xffn));
      return bytes === null ? U64_MAX : BigInt(bytes.fill(0x5a).length);
    },
  ],
]);

/** Programs that no verifier has seen, run on the bare machine: twice, with the same end. */
export const vm: Target = {
  name: "vm",
  corpus: () => programs().map((program) => encode(program)),
  mutate: mutateInsns,
  run(input) {
    const machine = new Vm(input, { budget: BUDGET, helpers: HELPERS });
    const first = outcome(machine, input.length);
    const again = outcome(machine, input.length);
    demand(first.text === again.text, () => `first ${first.text}, then ${again.text}`);
    if (first.error !== undefined) throw first.error;
  },
};

function outcome(machine: Vm, size: number): { readonly text: string; readonly error: unknown } {
  const memory = Uint8Array.from({ length: MEMORY }, (_, index) => index * 7);
  try {
    const result = machine.run(memory);
    demand(result >= 0n && result <= U64_MAX, () => `the result is ${result}`);
    demand(machine.executed <= BUDGET, () => `${machine.executed} instructions ran, of ${BUDGET}`);
    return { text: `${result} ${hexOf(memory)}`, error: undefined };
  } catch (error) {
    const complaint = complaintAbout(error, size);
    if (complaint !== undefined) throw complaint;
    return { text: `${messageOf(error)} ${hexOf(memory)}`, error };
  }
}
