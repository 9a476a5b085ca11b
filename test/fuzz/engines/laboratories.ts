import { BpfCommands } from "../../../src/sys/index.ts";
import { livePort } from "../../support/live-port.ts";
import { onCpu } from "../../support/on-cpu.ts";
import { KernelLab, possibleCpus } from "./kernel-lab.ts";
import { Lab, SUBJECTS } from "./lab.ts";
import type { Laboratory } from "./outcome.ts";
import { CPU } from "./program.ts";
import { Workshop } from "./workshop.ts";

/** One of each engine. */
export function engineLabs(): readonly Lab[] {
  const workshop = new Workshop();
  return SUBJECTS.map((subject) => new Lab(subject, workshop));
}

/** Of the engines that test every access. */
export function wildLabs(): readonly Lab[] {
  const workshop = new Workshop();
  const checked = SUBJECTS.filter(({ mode }) => mode === "checked");
  return checked.map((subject) => new Lab(subject, workshop, { budget: WILD_BUDGET, raw: true }));
}

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
    return act(wildLabs());
  }
  const engines = engineLabs();
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
