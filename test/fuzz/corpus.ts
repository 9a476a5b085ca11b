import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** The project's folder, found from here upwards: this code runs as source and bundled. */
export const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)));

function rootAbove(folder: string): string {
  while (!existsSync(join(folder, "layers.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("the project's folder was not found");
    folder = above;
  }
  return folder;
}

/** The files of a folder whose name ends in `ending`, in order; none where there is no such folder. */
export function filesOf(folder: string, ending: string): Uint8Array[] {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(path, name))));
}

/** A file as a list of one; unpacked where it is a `.gz`; none where it is absent. */
export function fileIn(path: string): Uint8Array[] {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  const bytes = readFileSync(full);
  return [new Uint8Array(path.endsWith(".gz") ? gunzipSync(bytes) : bytes)];
}

/** Objects made by compilers: ours, and recorded ones where they are present. */
export function objectFiles(): Uint8Array[] {
  return [
    ...filesOf("testdata/objects", ".o"),
    ...filesOf("testdata/flow", ".o"),
    ...filesOf("../shared/golden/input", ".o"),
  ].filter((bytes) => bytes.length <= 64 * 1024);
}
