import { readFileSync, writeFileSync } from "node:fs";

const SYSCTL = "/proc/sys/kernel/unprivileged_bpf_disabled";

/**
 * Runs `act` while anyone may load programs (`kernel.unprivileged_bpf_disabled` is 0), and puts the setting back
 * whatever happens.
 *
 * @returns the reason where the setting can not be put back (1 stays until the next boot), without having run `act`.
 */
export async function whileUnprivilegedMayLoad<T>(act: () => Promise<T>): Promise<T | string> {
  const before = readFileSync(SYSCTL, "utf8").trim();
  if (before === "0") return await act();
  if (before !== "2") return `${SYSCTL} is ${before}, which cannot be changed`;
  const restore = () => writeFileSync(SYSCTL, before);
  const end = () => process.exit(1);
  process.once("exit", restore).once("SIGINT", end).once("SIGTERM", end);
  writeFileSync(SYSCTL, "0");
  try {
    return await act();
  } finally {
    restore();
    process.off("exit", restore).off("SIGINT", end).off("SIGTERM", end);
  }
}
