import { MAX_CALL_FRAMES } from "../state/limits.ts";

/** What backtracking is still looking for: `struct backtrack_state`. All zero between two of its runs. */
export class BacktrackMasks {
  /** Depth of the frame that the instruction at hand belongs to. */
  frame = 0;
  /** By frame, bit sets of registers. */
  readonly #regs = new Uint32Array(MAX_CALL_FRAMES);
  /** By frame, bit sets of stack slots: the lower 32, and the others. */
  readonly #low = new Uint32Array(MAX_CALL_FRAMES);
  readonly #high = new Uint32Array(MAX_CALL_FRAMES);

  reset(): void {
    this.frame = 0;
    this.#regs.fill(0);
    this.#low.fill(0);
    this.#high.fill(0);
  }

  get empty(): boolean {
    for (let frame = this.frame; frame >= 0; frame--) {
      if ((this.#regs[frame]! | this.#low[frame]! | this.#high[frame]!) !== 0) return false;
    }
    return true;
  }

  /** Registers of a frame, as a bit set. */
  regs(frame: number): number {
    return this.#regs[frame]!;
  }

  setReg(frame: number, regno: number): void {
    this.#regs[frame]! |= 1 << regno;
  }

  clearReg(frame: number, regno: number): void {
    this.#regs[frame]! &= ~(1 << regno);
  }

  hasReg(frame: number, regno: number): boolean {
    return (this.#regs[frame]! & (1 << regno)) !== 0;
  }

  setSlot(frame: number, spi: number): void {
    if (spi < 32) this.#low[frame]! |= 1 << spi;
    else this.#high[frame]! |= 1 << (spi - 32);
  }

  clearSlot(frame: number, spi: number): void {
    if (spi < 32) this.#low[frame]! &= ~(1 << spi);
    else this.#high[frame]! &= ~(1 << (spi - 32));
  }

  hasSlot(frame: number, spi: number): boolean {
    return ((spi < 32 ? this.#low[frame]! >>> spi : this.#high[frame]! >>> (spi - 32)) & 1) !== 0;
  }

  hasSlots(frame: number): boolean {
    return (this.#low[frame]! | this.#high[frame]!) !== 0;
  }

  /** `r0,r2,r4` (`fmt_reg_mask`) */
  regsText(frame: number): string {
    const names: string[] = [];
    for (let regno = 0; regno < 32; regno++) if (this.hasReg(frame, regno)) names.push(`r${regno}`);
    return names.join(",");
  }

  /** `-8,-24,-40` (`bpf_fmt_stack_mask`) */
  slotsText(frame: number): string {
    return stackMaskText(this.#low[frame]!, this.#high[frame]!);
  }

  /** As the kernel prints a mask of registers: hexadecimal. */
  regsHex(frame: number): string {
    return this.#regs[frame]!.toString(16);
  }

  slotsHex(frame: number): string {
    const high = this.#high[frame]!;
    const low = this.#low[frame]!.toString(16);
    return high === 0 ? low : high.toString(16) + low.padStart(8, "0");
  }
}

/** Stack slots as the log names them, by offset from the frame pointer: `-8,-24,-40` (`bpf_fmt_stack_mask`). */
export function stackMaskText(low: number, high: number): string {
  const names: string[] = [];
  for (let spi = 0; spi < 64; spi++) {
    const bits = spi < 32 ? low >>> spi : high >>> (spi - 32);
    if ((bits & 1) !== 0) names.push(String(-(spi + 1) * 8));
  }
  return names.join(",");
}
