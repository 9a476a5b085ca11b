import { BpfCommands } from "../../../src/sys/index.ts";
import { livePort } from "../../support/live-port.ts";
import { onCpu } from "../../support/on-cpu.ts";
import { KernelLab, possibleCpus } from "./kernel-lab.ts";
import { Lab, SUBJECTS } from "./lab.ts";
import type { Laboratory } from "./outcome.ts";
import { CPU } from "./program.ts";

/**
 * Does something with laboratories for all engines: the interpreter first; before it, where it is wanted, the running
 * kernel.
 *
 * @returns what came of it, or why there is no running kernel for us.
 */
export async function withLaboratories<T>(
  live: boolean,
  act: (laboratories: readonly Laboratory[]) => T,
): Promise<T | Error> {
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
