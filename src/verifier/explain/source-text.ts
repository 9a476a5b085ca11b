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
    /\b(\w+)->|\b(\w+)\[|(?:^|[=(!<>&|+,-] ?|return )\*(\w+)\b/g,
  )) {
    const name = arrow ?? index ?? star!;
    if (!/^\d/.test(name)) found.set(name, (found.get(name) ?? false) || arrow !== undefined);
  }
  const [first] = found;
  return first === undefined || found.size > 1 ? null : { name: first[0], arrow: first[1] };
}
