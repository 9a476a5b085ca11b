import { TextWriter } from "../base/index.ts";
import { Errno } from "../uapi/index.ts";
import type { LogSink } from "../verifier/index.ts";
import type { Process } from "./process.ts";
import { refuse } from "./refusal.ts";

const LEVEL_MASK = 0xf;
const LOG_FIXED = 8;
const MAX_SIZE = 0xffff_ffff >>> 2;

/**
 * The log of one load (`struct bpf_verifier_log`, kernel/bpf/log.c): collected whole, then given to the caller's buffer.
 *
 * A buffer that is too small keeps the end of the text, or with BPF_LOG_FIXED the beginning, and the load is refused
 * with ENOSPC; `log_true_size` says how large it should have been.
 */
export class LoadLog implements LogSink {
  /** Bits 1 and 2: how much to say; 4: statistics. 0: no log. */
  readonly level: number;
  readonly #buffer: bigint;
  readonly #size: number;
  readonly #text = new TextWriter(1024);
  /** The most bytes that were there at a time: what was taken back counts (`len_max`). */
  #peak = 0;
  /** Where the part begins that the buffer keeps (`start_pos`): it moves on as the text grows, and back only behind the end. */
  #start = 0;

  /** EINVAL where level, buffer and size do not fit together (`bpf_verifier_log_attr_valid`). */
  constructor(level: number, buffer: bigint, size: number) {
    if ((buffer === 0n) !== (size === 0)) refuse(Errno.EINVAL);
    if (buffer !== 0n && level === 0) refuse(Errno.EINVAL);
    if ((level & ~LEVEL_MASK) !== 0) refuse(Errno.EINVAL);
    if (size > MAX_SIZE) refuse(Errno.EINVAL);
    this.level = level;
    this.#buffer = buffer;
    this.#size = size;
  }

  /** Adds text. Line breaks are the caller's. */
  write(text: string): void {
    if (this.level === 0) return;
    this.#text.text(text);
    const { length } = this.#text;
    if (length > this.#peak) this.#peak = length;
    if (this.#size > 0 && length - this.#start >= this.#size) this.#start = length + 1 - this.#size;
  }

  /** Bytes written and not taken back. */
  get position(): number {
    return this.#text.length;
  }

  /** Takes back what was written after a position. */
  reset(position: number): void {
    this.#text.truncate(position);
    if (position < this.#start) this.#start = position;
  }

  /** Bytes that the text took with its NUL at its longest: `log_true_size`. */
  get trueSize(): number {
    return this.level === 0 || this.#peak === 0 ? 0 : this.#peak + 1;
  }

  /** Copies the text out. @returns 0, or -ENOSPC where the buffer was too small. EFAULT where it is none. */
  finish(process: Process): number {
    // Who gives no buffer asks only how large it has to be.
    if (this.#buffer === 0n || this.level === 0) return 0;
    const text = this.#text.view();
    const room = this.#size - 1;
    const fits = this.#peak <= room;
    const kept = (this.level & LOG_FIXED) !== 0 ? text.subarray(0, room) : text.subarray(this.#start);
    const bytes = new Uint8Array(kept.length + 1);
    bytes.set(kept);
    process.write(this.#buffer, bytes);
    return fits ? 0 : -Errno.ENOSPC;
  }
}
