/** The arguments of a call in a line of C; null where the line does not show the whole call, or shows several. */
export function argumentsIn(line: string, name: string): readonly string[] | null {
  const calls = [...line.matchAll(new RegExp(String.raw`\b${name}\s*\(`, "g"))];
  const [call] = calls;
  if (call === undefined || calls.length > 1) return null;
  const found: string[] = [];
  let depth = 0;
  let from = call.index + call[0].length;
  for (let at = from; at < line.length; at++) {
    const letter = line[at]!;
    if (depth === 0 && (letter === "," || letter === ")")) {
      found.push(line.slice(from, at).trim());
      from = at + 1;
      if (letter === ")") return found;
    }
    if ("([{".includes(letter)) depth++;
    else if (")]}".includes(letter)) depth--;
  }
  return null;
}

/** The one pointer that a line of C follows: `"ip"` of `ip->protocol`, of `*ip` and of `ip[2]`; null where it is not one. */
export function pointerIn(line: string): { readonly name: string; readonly arrow: boolean } | null {
  const found = new Map<string, boolean>();
  for (const [, arrow, index, star] of line.matchAll(
    /\b(\w+)->|(?<!->|\.)\b(\w+)\[|(?:^|[=(!<>&|+,-] ?|return )\*(\w+)\b/g,
  )) {
    const name = arrow ?? index ?? star!;
    if (!/^\d/.test(name)) found.set(name, (found.get(name) ?? false) || arrow !== undefined);
  }
  const [first] = found;
  return first === undefined || found.size > 1 ? null : { name: first[0], arrow: first[1] };
}

/** A call in a line of C: that of `name`, or, without a name, the only one that is no keyword; null where there is none whole. */
export function callIn(
  line: string,
  name: string | null,
): { readonly name: string; readonly text: string } | null {
  const found = [...line.matchAll(/\b([A-Za-z_]\w*)\s*\(/g)].filter(([, word]) =>
    name === null ? !NO_CALLS.has(word!) : word === name,
  );
  const [call] = found;
  // Of calls inside each other the outer one comes first.
  if (call === undefined) return null;
  const end = endOfBrackets(line, call.index + call[0].length - 1);
  if (end === null || found.some(({ index }) => index >= end)) return null;
  return { name: call[1]!, text: line.slice(call.index, end) };
}

const NO_CALLS: ReadonlySet<string> = new Set(["if", "while", "for", "switch", "return", "sizeof", "typeof"]);

/** Behind the bracket that closes the one at `start`; null where the line does not have it. */
export function endOfBrackets(line: string, start: number): number | null {
  let depth = 0;
  for (let at = start; at < line.length; at++) {
    if (line[at] === '"') at = endOfString(line, at);
    else if ("([{".includes(line[at]!)) depth++;
    else if (")]}".includes(line[at]!) && --depth === 0) return at + 1;
  }
  return null;
}

function endOfString(line: string, start: number): number {
  const length = /^"(?:[^"\\]|\\.)*"/.exec(line.slice(start))?.[0].length ?? 1;
  return start + length - 1;
}
