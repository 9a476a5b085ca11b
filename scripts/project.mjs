// What the scripts share: where the project is, which files it has, and running a command visibly.
import { spawnSync } from "node:child_process";
import { readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
export const OLDEST_NODE = [20, 19];

/** Whether a script is the one that was started, and not imported by another. */
export function isMain(meta) {
  return process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(meta.url);
}

/** Paths below `folder` (from the root, with "/"), sorted: the same order on every machine. */
export function filesBelow(folder, root = ROOT) {
  const found = [];
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else if (entry.isFile()) found.push(relative(root, child).split(sep).join("/"));
    }
  };
  try {
    visit(join(root, folder));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  return found.sort();
}

/** A line for each file that changes when the file does. Cheap: no content is read. */
export function fingerprint(paths) {
  return paths
    .map((path) => {
      const { size, mtimeMs } = statSync(join(ROOT, path));
      return `${path} ${size} ${mtimeMs}`;
    })
    .join("\n");
}

/** The JavaScript file of an installed package's command: run with this very Node, whatever PATH has. */
export function installed(path) {
  return join(ROOT, "node_modules", path);
}

/** Runs Node on a script in the project's root, sharing the terminal, and gives its exit status. */
export function runNode(args, options = {}) {
  const { status, signal, error } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: "inherit",
    ...options,
  });
  if (error) throw error;
  return status ?? 128 + (signal === "SIGINT" ? 2 : 15);
}

/** A progress line, on standard error: standard output is the command's own. */
export function progress(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends the script with one message and no stack. */
export function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}
