import { closeSync, openSync } from "node:fs";

const CLONE_NEWNET = 0x4000_0000;

/** Moves this thread into a new network namespace, of which nobody else knows. @returns what moves it back. */
export async function enterOwnNamespace(): Promise<() => void> {
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const libc = koffi.load(null);
  const unshare = libc.func("unshare", "int", ["int"]);
  const setns = libc.func("setns", "int", ["int", "int"]);
  const before = openSync("/proc/thread-self/ns/net", "r");
  if (unshare(CLONE_NEWNET) !== 0) throw new Error("unshare: no network namespace for us");
  return () => {
    const failed = setns(before, CLONE_NEWNET) !== 0;
    closeSync(before);
    if (failed) throw new Error("setns: no way back");
  };
}

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number;
  };
}
