/** Something that is done in parts, between which others may have their turn; and what it gives at its end. */
export type Parts<T> = Generator<void, T, void>;

/** All parts one behind the other. */
export function whole<T>(parts: Parts<T>): T {
  for (;;) {
    const part = parts.next();
    if (part.done === true) return part.value;
  }
}
