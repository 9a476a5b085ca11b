import { textOf } from "../base/index.ts";

/**
 * What `bpf_trace_printk` writes and `trace_pipe` reads: lines in the format of tracefs, oldest first. Reading
 * consumes, and the buffer is bounded: the oldest lines give way, and are counted, as in Linux's ring.
 */
export class TracePipe {
  readonly #limit: number;
  #lines: string[] = [];
  #bytes = 0;
  #lost = 0;

  constructor(limit = 1 << 20) {
    this.#limit = limit;
  }

  /** Adds a record: the text of one call. */
  write(record: {
    readonly comm: string;
    readonly pid: number;
    readonly cpu: number;
    /** Nanoseconds of the kernel's clock. */
    readonly time: bigint;
    readonly text: Uint8Array;
  }): void {
    const seconds = record.time / 1_000_000_000n;
    const micros = (record.time % 1_000_000_000n) / 1000n;
    const task = `${record.comm}-${record.pid}`.padStart(23);
    const cpu = `[${String(record.cpu).padStart(3, "0")}]`;
    const stamp = `${String(seconds).padStart(5)}.${String(micros).padStart(6, "0")}`;
    const text = textOf(record.text).replace(/\n$/, "");
    const line = `${task} ${cpu} ....1 ${stamp}: bpf_trace_printk: ${text}\n`;
    this.#lines.push(line);
    this.#bytes += line.length;
    while (this.#bytes > this.#limit) {
      this.#bytes -= this.#lines.shift()!.length;
      this.#lost++;
    }
  }

  /** Everything written since the last read. */
  read(): string {
    const text = this.#lines.join("");
    this.#lines = [];
    this.#bytes = 0;
    return text;
  }

  /** Lines that gave way before they were read. */
  get lost(): number {
    return this.#lost;
  }
}
