import type { CommandModule } from "./command.ts";

/** Where each command is: read when it is called, so that no command waits for the code of the others. */
const MODULES: Readonly<Record<string, () => Promise<CommandModule>>> = {
  help: () => import("./help.ts"),
  version: () => import("./version.ts"),
  prog: () => import("./prog.ts"),
  map: () => import("./map.ts"),
  btf: () => import("./btf.ts"),
  gen: () => import("./gen.ts"),
  run: () => import("./run.ts"),
  verify: () => import("./verify.ts"),
  vm: () => import("./vm.ts"),
  asm: () => import("./asm.ts"),
  disasm: () => import("./disasm.ts"),
  demo: () => import("./demo.ts"),
  completion: () => import("./completion.ts"),
};

export async function moduleOf(command: string): Promise<CommandModule> {
  const load = MODULES[command];
  if (load === undefined) throw new Error(`command ${command} has no module`);
  return await load();
}
