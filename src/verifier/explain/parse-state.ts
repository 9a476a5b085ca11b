/** `R1`, `R1_w`, `fp-8`, `fp-8_r`, `refs`: a name in front of `=`. */
const NAME = /^(R\d+|fp-?\d+|refs)(?:_[rwD]+)?=/;

/**
 * A state as a log has it: `R1=ctx() R2_w=scalar(umax=255) fp-8=mmmmmmmm refs=2`, what is known by register or slot.
 * Texts of kernels from 4.14 on: `inv`, `invP5` and `R1=inv(id=0)` mean numbers.
 */
export function parseState(text: string): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    if (text[at] === " ") {
      at++;
      continue;
    }
    const name = NAME.exec(text.slice(at));
    const end = endOfWord(text, at);
    if (name !== null) known.set(name[1]!, text.slice(at + name[0].length, end));
    at = end;
  }
  return known;
}

/** Blanks inside of brackets belong to the word. */
function endOfWord(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const letter = text[at];
    if (letter === "(") depth++;
    else if (letter === ")") depth--;
    else if (letter === " " && depth <= 0) return at;
  }
  return text.length;
}
