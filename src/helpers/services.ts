import type { KernelLayout } from "../platform/index.ts";

/** What helpers need of the kernel that they run in. Nothing here may await. */
export interface HelperServices {
  /** Offsets of the kernel's own structs. */
  readonly layout: KernelLayout;
  /** Possible CPUs. */
  readonly cpus: number;
  /** Nanoseconds since boot without time asleep (CLOCK_MONOTONIC), a whole number below 2^53. */
  monotonic(): number;
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  boottime(): number;
  /** 32 random bits, unsigned. */
  random(): number;
  /** Takes the text of one `bpf_trace_printk`; the bytes are the caller's again when it returns. */
  trace(text: Uint8Array): void;
}
