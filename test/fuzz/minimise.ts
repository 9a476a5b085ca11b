/**
 * The smallest and plainest input found that still is `bad`, until the deadline (of `performance.now()`): chunks are
 * cut out, from large ones to single bytes, then bytes are set to 0.
 */
export function minimise(
  input: Uint8Array,
  bad: (input: Uint8Array) => boolean,
  deadline: number,
): Uint8Array {
  let best = input;
  const keep = (candidate: Uint8Array): boolean => {
    if (performance.now() > deadline || !bad(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let size = best.length >> 1; size > 0 && performance.now() < deadline; size >>= 1) {
    for (let at = best.length - size; at >= 0; at -= size) {
      const candidate = new Uint8Array(best.length - size);
      candidate.set(best.subarray(0, at));
      candidate.set(best.subarray(at + size), at);
      keep(candidate);
      if (performance.now() > deadline) return best;
    }
  }
  for (const size of [64, 16, 4, 1]) {
    for (let at = 0; at < best.length && performance.now() < deadline; at += size) {
      if (best.subarray(at, at + size).every((byte) => byte === 0)) continue;
      keep(best.slice().fill(0, at, at + size));
    }
  }
  return best;
}
