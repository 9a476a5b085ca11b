import { VERSION } from "./version.ts";

/** Runs one command line and gives its exit status. `bin/tsbpf.cjs` calls it. */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv[0] === "version") {
    process.stdout.write(`tsbpf v${VERSION}\n`);
    return 0;
  }
  process.stderr.write(`Error: unknown command '${argv[0] ?? ""}'\n`);
  return 255;
}
