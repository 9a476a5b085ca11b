import type { CommandFunction } from "./command.ts";

/** `tsbpf btf …` */
export const verbs: Readonly<Record<string, CommandFunction>> = {
  show: async (invocation) => (await import("./btf-show.ts")).showBtf(invocation),
  list: async (invocation) => (await import("./btf-show.ts")).showBtf(invocation),
  dump: async (invocation) => (await import("./btf-dump.ts")).dumpBtf(invocation),
};
