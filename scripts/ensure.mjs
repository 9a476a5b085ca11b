// Installs what is missing: a fresh clone needs only Node and npm. With nothing to do it takes a few milliseconds.
import { spawn } from "node:child_process";
import { readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fail, isMain, OLDEST_NODE, progress, ROOT } from "./project.mjs";

/** Node's own version, or a message that says what to do. */
function ensureNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = OLDEST_NODE;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  fail(
    `tsbpf needs Node.js ${OLDEST_NODE.join(".")} or newer; this is ${process.version} (${process.execPath}).\n` +
      "Install a newer one from https://nodejs.org/ and try again.",
  );
}

function changedAt(path) {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** npm writes node_modules/.package-lock.json last: it tells a finished installation from a broken one. */
const INSTALLED = "node_modules/.package-lock.json";

/** Whether what is installed is what package-lock.json asks for. */
function followsLock() {
  try {
    const [wanted, present] = ["package-lock.json", INSTALLED].map(
      (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8")).packages,
    );
    const names = Object.keys(wanted).filter((name) => name !== "");
    return (
      Object.keys(present).every((name) => name in wanted) &&
      names.every((name) =>
        // Optional packages of other platforms are not there.
        name in present ? present[name].version === wanted[name].version : wanted[name].optional === true,
      )
    );
  } catch {
    return false;
  }
}

async function npm(...args) {
  const started = performance.now();
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  const child = spawn(command, [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
  // A first installation takes a while on a slow line: show that it lives.
  const tick = setInterval(() => progress(`  still installing (${seconds()} s)`), 10_000);
  const status = await new Promise((resolve) => {
    child.on("error", (error) => {
      output += error.message;
      resolve(1);
    });
    child.on("close", resolve);
  });
  clearInterval(tick);
  if (status === 0) progress(`  installed in ${seconds()} s`);
  return { ok: status === 0, output: output.trim() };
}

/** Dependencies as package-lock.json has them. */
export async function ensureInstalled() {
  ensureNode();
  if (changedAt(INSTALLED) > 0) {
    if (changedAt(INSTALLED) >= changedAt("package-lock.json")) return;
    // A checkout makes the lock file newer without changing it.
    if (followsLock()) return touchInstalled();
  }
  progress("Installing dependencies (npm ci) …");
  let result = await npm("ci");
  if (!result.ok) {
    progress(`npm ci failed:\n${result.output}\nTrying npm install …`);
    // A clone must not be changed by its installation.
    result = await npm("install", "--no-save");
  }
  if (!result.ok) fail(`npm install failed:\n${result.output}`);
  touchInstalled();
}

/** A lock file newer than the installation that follows it exactly must not make the next run look again. */
function touchInstalled() {
  try {
    utimesSync(join(ROOT, INSTALLED), new Date(), new Date());
  } catch {
    // Another user's: then each run looks.
  }
}

if (isMain(import.meta)) await ensureInstalled();
