/** What a printer asks about the places and functions that instructions refer to. */
export interface PrintNames {
  /** The text of a jump's or call's target, given in slots from the next instruction: `+3`, or a label. */
  readonly target: (slot: number, displacement: number) => string;
  /** A helper's name, to print instead of its id. */
  readonly helperName?: (id: number) => string | undefined;
}

/** `+3`, `-2` */
export function signedText(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}

/** Two hex digits. */
export function hexByte(value: number): string {
  return (value + 0x100).toString(16).slice(1);
}
