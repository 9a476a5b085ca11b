import { BpfCommands } from "../../../src/sys/index.ts";
import { livePort } from "../../support/live-port.ts";
import { onCpu } from "../../support/on-cpu.ts";
import { KernelLab, possibleCpus } from "./kernel-lab.ts";
import { Lab, SUBJECTS } from "./lab.ts";
import type { Laboratory } from "./outcome.ts";
import { CPU } from "./program.ts";

/** Loops of wild programs often have no end. */
const WILD_BUDGET = 20_000;

/** Which laboratories: all engines; before them the running kernel; or those alone that test every access. */
export interface Where {
  readonly live: boolean;
  readonly wild: boolean;
}

/**
 * Does something with laboratories, that of the interpreter (or the running kernel) first.
 *
 * @returns what came of it, or why there is no running kernel for us.
 */
export async function withLaboratories<T>(
  { live, wild }: Where,
  act: (laboratories: readonly Laboratory[]) => T,
): Promise<T | Error> {
  if (wild) {
    const checked = SUBJECTS.filter(({ mode }) => mode === "checked");
    return act(checked.map((subject) => new Lab(subject, { budget: WILD_BUDGET })));
  }
  const engines = SUBJECTS.map((subject) => new Lab(subject));
  if (!live) return act(engines);
  const { port, why } = await livePort();
  if (port === null) return new Error(why);
  const possible = possibleCpus();
  if (possible <= CPU) return new Error("there is one CPU only");
  const kernel = new KernelLab("live", new BpfCommands(port), possible);
  try {
    return await onCpu(CPU, () => act([kernel, ...engines]));
  } finally {
    kernel.close();
  }
}
