import { emittedKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";

const PLAIN = { args: [], result: "void" } as const;
const FLAGS = { args: ["ptr"], result: "void" } as const;

/**
 * Sections in which Linux holds up reclamation, preemption or interrupts. Here nothing is reclaimed and nobody else runs
 * on the CPU before the program has ended; the flags on the stack are the verifier's to look at.
 */
export const SECTION_KFUNCS: readonly Kfunc[] = [
  ...["bpf_rcu_read_lock", "bpf_rcu_read_unlock", "bpf_preempt_disable", "bpf_preempt_enable"].map((name) =>
    emittedKfunc(name, PLAIN, (f) => f.nop()),
  ),
  ...["bpf_local_irq_save", "bpf_local_irq_restore"].map((name) => emittedKfunc(name, FLAGS, (f) => f.nop())),
];
