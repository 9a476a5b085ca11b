import { type Insn, type InsnRow, insnOf, rowNamed, WideKind, wideSlots } from "../../../src/isa/index.ts";

/** A place in the code that jumps and calls lead to; bound once. */
export type Label = number;

/** Instructions one behind the other, and labels. */
export class Code {
  readonly #insns: Insn[] = [];
  readonly #labels: number[] = [];
  readonly #fixups: { readonly slot: number; readonly label: Label; readonly field: "off" | "imm" }[] = [];

  get length(): number {
    return this.#insns.length;
  }

  label(): Label {
    this.#labels.push(-1);
    return this.#labels.length - 1;
  }

  bind(label: Label): void {
    this.#labels[label] = this.#insns.length;
  }

  put(row: InsnRow | string, dst = 0, src = 0, off = 0, imm = 0): void {
    this.#insns.push(insnOf(typeof row === "string" ? rowNamed(row) : row, dst, src, off, imm));
  }

  /** A jump, or a local call: the label goes where the row has its target. */
  to(label: Label, row: InsnRow | string, dst = 0, src = 0, imm = 0): void {
    const found = typeof row === "string" ? rowNamed(row) : row;
    this.#fixups.push({ slot: this.length, label, field: found.imm === "target" ? "imm" : "off" });
    this.put(found, dst, src, 0, found.imm === "target" ? 0 : imm);
  }

  wide(dst: number, value: bigint): void {
    this.#insns.push(...wideSlots(dst, WideKind.imm, value));
  }

  /** dst = the address of a map, or (with `offset`) of a byte in the value of an array of one element or more. */
  map(dst: number, index: number, offset?: number): void {
    const kind = offset === undefined ? WideKind.mapFd : WideKind.mapValue;
    this.#insns.push(...wideSlots(dst, kind, (BigInt(offset ?? 0) << 32n) | BigInt(index)));
  }

  /** dst = the address of a function. */
  func(dst: number, label: Label): void {
    this.#fixups.push({ slot: this.length, label, field: "imm" });
    this.#insns.push(...wideSlots(dst, WideKind.func, 0n));
  }

  /** The slot that a label was bound to. */
  slotOf(label: Label): number {
    return this.#labels[label]!;
  }

  insns(): Insn[] {
    const insns = [...this.#insns];
    for (const { slot, label, field } of this.#fixups)
      insns[slot] = { ...insns[slot]!, [field]: this.#labels[label]! - slot - 1 };
    return insns;
  }
}
