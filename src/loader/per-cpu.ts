/** The values that a per-CPU map has for one key: an array by CPU. */
export class PerCpu<V> extends Array<V> {
  // What `map` and `filter` make of it are plain arrays.
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /**
   * The sum over all CPUs: of numbers and bigints; in structs and arrays of each member. What is no number (text,
   * truth) is taken from the first CPU. 32-bit counters add up to a number that may be larger than they.
   */
  sum(): V {
    let total = this[0] as V;
    for (let cpu = 1; cpu < this.length; cpu++) total = add(total, this[cpu] as V) as V;
    return total;
  }
}

function add(a: unknown, b: unknown): unknown {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (typeof a === "bigint" && typeof b === "bigint") return a + b;
  if (a instanceof Uint8Array) return a;
  if (Array.isArray(a) && Array.isArray(b)) return a.map((item, i) => add(item, b[i]));
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return a;
  return Object.fromEntries(
    Object.entries(a).map(([name, value]) => [name, add(value, (b as Record<string, unknown>)[name])]),
  );
}
