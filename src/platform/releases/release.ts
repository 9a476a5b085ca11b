/** Releases of Linux that are described here, the newest first. */
export const KERNEL_RELEASES = ["6.18", "6.1"] as const;

export type KernelRelease = (typeof KERNEL_RELEASES)[number];

/** The release by its name, or null where it is not described here. */
export function kernelRelease(name: string): KernelRelease | null {
  return KERNEL_RELEASES.find((release) => release === name) ?? null;
}
