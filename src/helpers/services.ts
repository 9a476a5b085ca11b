/** What helpers need of the kernel that they run in. Nothing here may await. */
export interface HelperServices {
  /** Nanoseconds since boot without time asleep (CLOCK_MONOTONIC), a whole number below 2^53. */
  monotonic(): number;
  /** Nanoseconds since boot (CLOCK_BOOTTIME). */
  boottime(): number;
  /** 32 random bits, unsigned. */
  random(): number;
  /** Takes the text of one `bpf_trace_printk`; the bytes are the caller's again when it returns. */
  trace(text: Uint8Array): void;
  /**
   * The name of the kernel function that an address is in (`"do_one+0x10/0x40"`), as `%pS`, `%ps` and `%pB` print it;
   * null where there is none, or where the kernel has no symbols.
   */
  symbol?(low: number, high: number, style: "S" | "s" | "B"): string | null;
  /** Up to `limit` bytes of a user string of the current task, without its NUL; null where it faults. */
  userString?(low: number, high: number, limit: number): Uint8Array | null;
}
