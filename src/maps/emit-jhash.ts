import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** What a round takes in. */
const ROUND = 12;

/** `JHASH_INITVAL` */
const START = 0xdead_beef;

/** What is added to which of the three words, and how far the other is rotated: `__jhash_mix`. */
const MIX = [4, 6, 8, 16, 19, 4] as const;
/** `__jhash_final` */
const FINAL = [14, 11, 25, 16, 4, 14, 24] as const;

/**
 * Pushes the hash of `size` bytes (at least one), as `jhash()` of include/linux/jhash.h gives it on a little-endian
 * machine: Bob Jenkins' lookup3. `seed` pushes its `initval`, an i32.
 */
export function emitJhash(f: FunctionBuilder, bytes: Local, size: number, seed: () => unknown): void {
  const words = ["a", "b", "c"].map((name) => f.local("i32", `jhash_${name}`)) as [Local, Local, Local];
  const [a, b, c] = words;
  const at = f.local("i32", "jhash_at");
  seed();
  f.i32
    .const((START + size) | 0)
    .i32.add()
    .tee(a)
    .tee(b)
    .set(c);
  f.get(bytes).set(at);
  const rounds = Math.ceil(size / ROUND) - 1;
  if (rounds > 0) {
    const left = f.local("i32", "jhash_left");
    f.i32.const(rounds).set(left);
    f.loop((again) => {
      addTo(f, words, at, ROUND);
      emitMix(f, words);
      f.get(at).i32.const(ROUND).i32.add().set(at);
      f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
    });
  }
  addTo(f, words, at, size - rounds * ROUND);
  emitFinal(f, words);
  f.get(c);
}

/** Adds up to twelve bytes to the words, four to each. */
function addTo(f: FunctionBuilder, words: readonly Local[], at: Local, count: number): void {
  for (let first = 0; first < count; first += 4) {
    const word = words[first / 4]!;
    f.get(word);
    pushBytes(f, at, first, Math.min(4, count - first));
    f.i32.add().set(word);
  }
}

function pushBytes(f: FunctionBuilder, at: Local, offset: number, count: number): void {
  if (count === 4) f.get(at).i32.load(offset, 1);
  else if (count === 1) f.get(at).i32.load8U(offset);
  else f.get(at).i32.load16U(offset, 1);
  if (count === 3)
    f.get(at)
      .i32.load8U(offset + 2)
      .i32.const(16)
      .i32.shl()
      .i32.or();
}

function emitMix(f: FunctionBuilder, words: readonly [Local, Local, Local]): void {
  for (const [step, distance] of MIX.entries()) {
    // One is taken from the one before, in turn, and the third goes to that.
    const [x, y, z] = [words[step % 3]!, words[(step + 1) % 3]!, words[(step + 2) % 3]!];
    f.get(x).get(z).i32.sub().get(z).i32.const(distance).i32.rotl().i32.xor().set(x);
    f.get(z).get(y).i32.add().set(z);
  }
}

function emitFinal(f: FunctionBuilder, words: readonly [Local, Local, Local]): void {
  for (const [step, distance] of FINAL.entries()) {
    const [x, y] = [words[(step + 2) % 3]!, words[(step + 1) % 3]!];
    f.get(x).get(y).i32.xor().get(y).i32.const(distance).i32.rotl().i32.sub().set(x);
  }
}
