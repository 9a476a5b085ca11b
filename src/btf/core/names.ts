const UNDERSCORE = 95;

/**
 * A name without its flavour: `task_struct` of `task_struct___v2`. A flavour is what follows the last three
 * underscores that stand between two characters that are none (`bpf_core_essential_name_len`).
 */
export function essentialName(name: string): string {
  for (let i = name.length - 5; i >= 0; i--) {
    if (
      name.charCodeAt(i) !== UNDERSCORE &&
      name.charCodeAt(i + 1) === UNDERSCORE &&
      name.charCodeAt(i + 2) === UNDERSCORE &&
      name.charCodeAt(i + 3) === UNDERSCORE &&
      name.charCodeAt(i + 4) !== UNDERSCORE
    ) {
      return name.slice(0, i + 1);
    }
  }
  return name;
}

/** The same for the bytes of a name, `bytes[start, end)`: where its essential part ends. */
export function essentialEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 5; i >= start; i--) {
    if (
      bytes[i + 1] === UNDERSCORE &&
      bytes[i + 2] === UNDERSCORE &&
      bytes[i + 3] === UNDERSCORE &&
      bytes[i] !== UNDERSCORE &&
      bytes[i + 4] !== UNDERSCORE
    ) {
      return i + 1;
    }
  }
  return end;
}
