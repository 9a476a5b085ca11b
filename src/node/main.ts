import { runCommandLine } from "../cli/index.ts";
import { processIo } from "./process-io.ts";

/** Runs one command line and gives its exit status. `bin/tsbpf.cjs` calls it. */
export async function main(argv: readonly string[]): Promise<number> {
  const io = processIo();
  const status = await runCommandLine(argv, io);
  // After Ctrl-C the status says so, whatever the command made of what it had.
  return io.leave() ?? status;
}
