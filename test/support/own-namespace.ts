import { closeSync, openSync } from "node:fs";
import { openLibc } from "../../src/node/linux/libc.ts";

const CLONE_NEWNET = 0x4000_0000;

/** Those who are not back yet, and where the first of them came from. */
let inside = 0;
let home = -1;

/**
 * Moves this thread into a new network namespace, of which nobody else knows.
 *
 * @returns what moves it back; the last one of several who are inside does, in whatever order they leave.
 */
export async function enterOwnNamespace(): Promise<() => void> {
  const libc = await openLibc();
  const unshare = libc.func("unshare", "int", ["int"]);
  const setns = libc.func("setns", "int", ["int", "int"]);
  if (inside === 0) home = openSync("/proc/thread-self/ns/net", "r");
  if (unshare(CLONE_NEWNET) !== 0) throw new Error("unshare: no network namespace for us");
  inside++;
  return () => {
    inside--;
    if (inside > 0) return;
    const failed = setns(home, CLONE_NEWNET) !== 0;
    closeSync(home);
    if (failed) throw new Error("setns: no way back");
  };
}
