import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder: these programs run bundled, from another place than their source. */
export const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  return existsSync(join(folder, "layers.json")) ? folder : rootAbove(join(folder, ".."));
}

/** A file of the project. */
export function projectFile(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(ROOT, path)));
}

/** Types of the running kernel. */
export const VMLINUX = "/sys/kernel/btf/vmlinux";

/** The path of an installed command, or null. */
export function commandPath(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const found = folders.find((folder) => existsSync(join(folder, name)));
  return found === undefined ? null : join(found, name);
}
