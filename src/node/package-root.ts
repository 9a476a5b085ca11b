import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of this package: `__dirname` is `dist` in the bundle and `src/node` where the source is run. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
