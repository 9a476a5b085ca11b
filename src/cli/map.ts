import type { CommandFunction } from "./command.ts";

/** `tsbpf map …` */
export const verbs: Readonly<Record<string, CommandFunction>> = {
  dump: async (invocation) => (await import("./map-dump.ts")).dumpMaps(invocation),
};
