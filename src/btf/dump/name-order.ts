/** Ranges up to this long are sorted by insertion. */
const FEW = 8;

/**
 * Sorts `keys` by the bytes of the NUL-terminated names at `names[key]`, and writes each name's place among all to
 * `places[key]`: from 1, equal names have the same. Returns the last place. A quicksort in three parts that looks at one byte of each name at
 * a time, so that the beginnings that names share are read once (Bentley and Sedgewick, "Fast Algorithms for Sorting
 * and Searching Strings", 1997).
 */
export function orderNames(
  strings: Uint8Array,
  names: Uint32Array,
  keys: Uint32Array,
  places: Uint32Array,
): number {
  // Ranges still to sort: start, end, how many bytes their names have in common. The first range is on top.
  const stack = [0, keys.length, 0];
  let place = 0;
  while (stack.length > 0) {
    const depth = stack.pop()!;
    const end = stack.pop()!;
    const start = stack.pop()!;
    if (end - start <= FEW) {
      insertionSort(strings, names, keys, start, end, depth);
      for (let i = start; i < end; i++) {
        if (i === start || compareAt(strings, names[keys[i - 1]!]! + depth, names[keys[i]!]! + depth) !== 0)
          place++;
        places[keys[i]!] = place;
      }
      continue;
    }
    const pivot = strings[names[keys[(start + end) >>> 1]!]! + depth]!;
    let less = start;
    let more = end;
    for (let i = start; i < more; ) {
      const key = keys[i]!;
      const byte = strings[names[key]! + depth]!;
      if (byte < pivot) {
        keys[i++] = keys[less]!;
        keys[less++] = key;
      } else if (byte > pivot) {
        keys[i] = keys[--more]!;
        keys[more] = key;
      } else i++;
    }
    if (more < end) stack.push(more, end, depth);
    if (pivot !== 0) {
      stack.push(less, more, depth + 1);
      if (less > start) stack.push(start, less, depth);
    } else {
      // Names that end here are equal, and none is less.
      place++;
      for (let i = less; i < more; i++) places[keys[i]!] = place;
    }
  }
  return place;
}

function insertionSort(
  strings: Uint8Array,
  names: Uint32Array,
  keys: Uint32Array,
  start: number,
  end: number,
  depth: number,
): void {
  for (let i = start + 1; i < end; i++) {
    const key = keys[i]!;
    const name = names[key]! + depth;
    let to = i;
    for (; to > start && compareAt(strings, names[keys[to - 1]!]! + depth, name) > 0; to--)
      keys[to] = keys[to - 1]!;
    keys[to] = key;
  }
}

function compareAt(strings: Uint8Array, left: number, right: number): number {
  for (;;) {
    const byte = strings[left++]!;
    const difference = byte - strings[right++]!;
    if (difference !== 0 || byte === 0) return difference;
  }
}
