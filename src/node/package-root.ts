import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of this package, from one inside it: `__dirname` is `dist` in the bundle and `src/node` where the source is run. */
export function packageRoot(from?: string): string {
  let folder = from ?? __dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
