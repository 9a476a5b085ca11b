import { textOf } from "../base/index.ts";

/**
 * What `bpf_trace_printk` writes and `trace_pipe` reads: lines in the format of tracefs, oldest first. Reading
 * consumes, and the buffer is bounded: the oldest lines give way, and are counted, as in Linux's ring.
 */
export class TracePipe {
  readonly #limit: number;
  #lines: { readonly cpu: number; readonly text: string }[] = [];
  /** Where the oldest line is: taking lines from the front of an array one by one moves all others. */
  #first = 0;
  #bytes = 0;
  #lost = 0;
  /** Lines lost since the last read, by CPU. */
  readonly #lostBy = new Map<number, number>();

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
    this.#lines.push({ cpu: record.cpu, text: line });
    this.#bytes += line.length;
    while (this.#bytes > this.#limit) {
      const oldest = this.#lines[this.#first++]!;
      this.#bytes -= oldest.text.length;
      this.lose(oldest.cpu, 1);
    }
    if (this.#first > this.#lines.length >> 1) this.#forget();
  }

  /** Notes lines of a CPU that are lost. */
  lose(cpu: number, count: number): void {
    this.#lost += count;
    this.#lostBy.set(cpu, (this.#lostBy.get(cpu) ?? 0) + count);
  }

  /** Everything written since the last read; what was lost in between is told in front, as `print_trace_line` does. */
  read(): string {
    const lost = [...this.#lostBy]
      .sort(([one], [other]) => one - other)
      .map(([cpu, count]) => `CPU:${cpu} [LOST ${count} EVENTS]\n`);
    this.#forget();
    const text = lost.join("") + this.#lines.map((line) => line.text).join("");
    this.#lines = [];
    this.#bytes = 0;
    this.#lostBy.clear();
    return text;
  }

  #forget(): void {
    this.#lines = this.#lines.slice(this.#first);
    this.#first = 0;
  }

  /** Lines that gave way before they were read. */
  get lost(): number {
    return this.#lost;
  }
}
