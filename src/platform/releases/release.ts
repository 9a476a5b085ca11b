/** Releases of Linux that are described here, the newest first. */
export const KERNEL_RELEASES = ["6.18", "6.1"] as const;

export type KernelRelease = (typeof KERNEL_RELEASES)[number];

/** The release by its name, as `uname -r` has it too (`"6.1"`, `"v6.1.55"`, `"6.1.0-57-amd64"`); null where it is not described here. */
export function kernelRelease(name: string): KernelRelease | null {
  const series = /^v?(\d+\.\d+)(?:[.-]|$)/.exec(name)?.[1];
  return KERNEL_RELEASES.find((release) => release === series) ?? null;
}
