import type { FunctionBuilder, Label, Local } from "../wasm/index.ts";
import { emitCopy, type Place } from "./emit-bytes.ts";

/** Keys up to this size are held in locals, a word each. */
const HELD_BYTES = 32;

/** Longer keys are hashed and compared by a loop. */
const UNROLLED_BYTES = 128;

/** Odd constants with well mixed bits: those of SplitMix64. */
const MIX = [0xbf58_476d_1ce4_e5b9n, 0x94d0_49bb_1331_11ebn] as const;

/**
 * A key that emitted code looks up: 8-byte words, the last of which overlaps the one before where the size is no
 * multiple of 8. A key below 8 bytes is one word, zero-extended, and lies so in an element.
 */
export interface KeyWords {
  readonly key: Local;
  readonly size: number;
  /** The words, where the key is held. */
  readonly words: readonly Local[];
}

/** Loads a key of a fixed size from `key`, which need not be aligned. */
export function emitKeyWords(f: FunctionBuilder, key: Local, size: number): KeyWords {
  const words: Local[] = [];
  if (size <= HELD_BYTES) {
    for (const at of wordsOf(size)) {
      const word = f.local("i64", `key${at}`);
      emitKeyWord(f, key, size, at).set(word);
      words.push(word);
    }
  }
  return { key, size, words };
}

/** Whether elements are told apart by their hash first. */
export function comparesHash(size: number): boolean {
  return size > 16;
}

/** Emits the hash of a key onto the stack; `seed` emits the seed. */
export function emitHash(f: FunctionBuilder, { key, size, words }: KeyWords, seed: () => void): void {
  const state = f.local("i64", "hash_state");
  const mix = (word: () => void) => {
    f.get(state);
    word();
    f.i64.xor().i64.const(MIX[0]).i64.mul().tee(state);
    f.get(state).i64.const(32).i64.shrU().i64.xor().set(state);
  };
  seed();
  f.set(state);
  if (words.length > 0) for (const word of words) mix(() => f.get(word));
  else if (size <= UNROLLED_BYTES) for (const at of wordsOf(size)) mix(() => f.get(key).i64.load(at, 1));
  else {
    const at = f.local("i32", "key_at");
    const end = f.local("i32", "key_end");
    f.get(key)
      .tee(at)
      .i32.const(size & -8)
      .i32.add()
      .set(end);
    f.loop((again) => {
      mix(() => f.get(at).i64.load(0, 1));
      f.get(at).i32.const(8).i32.add().tee(at).get(end).i32.ne().brIf(again);
    });
    if (size % 8 !== 0) mix(() => f.get(key).i64.load(size - 8, 1));
  }
  f.get(state).i64.const(MIX[1]).i64.mul().i64.const(32).i64.shrU().i32.wrapI64();
}

/** Emits the comparison with a key at `stored`, branching to `different` where they differ. */
export function emitKeyTest(
  f: FunctionBuilder,
  { key, size, words }: KeyWords,
  stored: Place,
  different: Label,
) {
  const { base, plus } = stored;
  if (words.length === 1) {
    f.get(base).i64.load(plus, 1).get(words[0]!).i64.ne().brIf(different);
    return;
  }
  if (size <= UNROLLED_BYTES) {
    wordsOf(size).forEach((at, i) => {
      f.get(base).i64.load(plus + at, 1);
      if (words.length > 0) f.get(words[i]!);
      else f.get(key).i64.load(at, 1);
      f.i64.xor();
      if (i > 0) f.i64.or();
    });
    f.i64.eqz().i32.eqz().brIf(different);
    return;
  }
  const at = f.local("i32", "key_at");
  const from = f.local("i32", "key_from");
  const end = f.local("i32", "key_end");
  f.get(key)
    .tee(at)
    .i32.const(size & -8)
    .i32.add()
    .set(end);
  f.get(base).set(from);
  f.loop((again) => {
    f.get(from).i64.load(plus, 1).get(at).i64.load(0, 1).i64.ne().brIf(different);
    f.get(from).i32.const(8).i32.add().set(from);
    f.get(at).i32.const(8).i32.add().tee(at).get(end).i32.ne().brIf(again);
  });
  if (size % 8 !== 0) {
    f.get(base)
      .i64.load(plus + size - 8, 1)
      .get(key)
      .i64.load(size - 8, 1)
      .i64.ne()
      .brIf(different);
  }
}

/** Emits the writing of a key into an element. */
export function emitKeyStore(f: FunctionBuilder, { key, size, words }: KeyWords, to: Place): void {
  if (words.length === 0) {
    emitCopy(f, to, { base: key, plus: 0 }, size);
    return;
  }
  wordsOf(size).forEach((at, i) => {
    f.get(to.base)
      .get(words[i]!)
      .i64.store(to.plus + at, 1);
  });
}

/** Where the words of a key start. */
function wordsOf(size: number): number[] {
  const starts: number[] = [];
  for (let at = 0; at + 8 <= size; at += 8) starts.push(at);
  if (size < 8) starts.push(0);
  else if (size % 8 !== 0) starts.push(size - 8);
  return starts;
}

/** One word of a key onto the stack, reading no byte outside the key. */
function emitKeyWord(f: FunctionBuilder, key: Local, size: number, at: number): FunctionBuilder {
  if (size >= 8) return f.get(key).i64.load(at, 1);
  switch (size) {
    case 1:
      return f.get(key).i64.load8U();
    case 2:
      return f.get(key).i64.load16U(0, 1);
    case 4:
      return f.get(key).i64.load32U(0, 1);
    case 3:
      f.get(key).i64.load16U(0, 1);
      return f.get(key).i64.load8U(2).i64.const(16).i64.shl().i64.or();
    default:
      // 5 to 7: two words of 4 bytes that overlap.
      f.get(key).i64.load32U(0, 1);
      f.get(key).i64.load32U(size - 4, 1);
      return f.i64
        .const((size - 4) * 8)
        .i64.shl()
        .i64.or();
  }
}
