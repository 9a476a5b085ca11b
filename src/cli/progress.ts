import { durationText, quantityText, shortText } from "../user/index.ts";
import type { CliIo } from "./io.ts";

/** Milliseconds between two pictures. */
const INTERVAL = 100;
const BAR = 24;

/** A line on a terminal that says how far a run is; nothing anywhere else. */
export class Progress {
  readonly #io: CliIo;
  readonly #shown: boolean;
  readonly #started: number;
  #last = 0;
  #visible = false;

  constructor(io: CliIo, wanted: boolean) {
    this.#io = io;
    this.#shown = wanted && io.stderr.isTerminal;
    this.#started = io.now();
  }

  /** Shows the state, not more often than people can see. `share` is from 0 to 1; null where the end is not known. */
  update(packets: number, share: number | null): void {
    if (!this.#shown) return;
    const now = this.#io.now();
    if (now - this.#last < INTERVAL) return;
    this.#last = now;
    const seconds = (now - this.#started) / 1000;
    const rate = seconds > 0 ? `${shortText(packets / seconds)} packets/s` : "";
    const parts = [
      ...(share === null ? [] : [bar(share)]),
      quantityText(packets, "packet"),
      rate,
      durationText(seconds),
    ];
    const line = parts.join("  ").slice(0, Math.max(0, this.#io.stderr.columns - 1));
    this.#io.stderr.write(`\r\x1b[K${line}`);
    this.#visible = true;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#visible) this.#io.stderr.write("\r\x1b[K");
    this.#visible = false;
  }
}

function bar(share: number): string {
  const filled = Math.max(0, Math.min(BAR, Math.round(share * BAR)));
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `[${"=".repeat(filled)}${" ".repeat(BAR - filled)}]${percent}`;
}
