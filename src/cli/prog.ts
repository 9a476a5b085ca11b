import type { CommandFunction } from "./command.ts";

/** `tsbpf prog …` */
export const verbs: Readonly<Record<string, CommandFunction>> = {
  dump: async (invocation) => (await import("./prog-dump.ts")).dumpProgram(invocation),
};
