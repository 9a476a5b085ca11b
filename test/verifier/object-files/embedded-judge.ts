import { readFileSync } from "node:fs";
import type { Btf } from "../../../src/btf/index.ts";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import type { KernelRelease } from "../../../src/platform/index.ts";
import { BpfCommands } from "../../../src/sys/index.ts";

/**
 * An embedded kernel of a release that judges, with the symbols of the running one: externs have the same addresses on
 * both.
 */
export function embeddedWithSymbolsOfThis(btf: Btf, release: KernelRelease = "6.18"): BpfCommands {
  const { port } = new EmbeddedKernel({ btf, release, cpus: 2, execute: false });
  const ownFile = port.readFile.bind(port);
  const readFile = (path: string) =>
    path === "/proc/kallsyms" ? new Uint8Array(readFileSync(path)) : ownFile(path);
  return new BpfCommands(Object.assign(port, { readFile }));
}
