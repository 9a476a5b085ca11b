import {
  emitSwap32,
  type Func,
  type FunctionBuilder,
  type Label,
  type Local,
  type ModuleBuilder,
} from "../wasm/index.ts";
import { TRIE_KEY_DATA, TrieNode } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** Longer data is compared by a loop. */
const UNROLLED_BYTES = 32;

/**
 * Emits `(node, key) → bits`: how many bits of a key a node's data begins with, at most as many as both prefixes have
 * (`longest_prefix_match`). The first byte has the first bits, and its highest is the first one.
 */
export function emitTrieMatch(m: ModuleBuilder, shape: MapShape): Func {
  const f = m.function("trie_match", { params: ["i32", "i32"], results: ["i32"] });
  const [node, key] = f.params as [Local, Local];
  const size = shape.keySize - TRIE_KEY_DATA;
  const limit = f.local("i32", "limit");
  const start = f.local("i32", "start");
  const zeros = f.local("i32", "zeros");
  const bits = f.local("i32", "bits");
  const different = f.local("i64", "different");
  emitLesser(f, limit, () => {
    f.get(node).i32.load(TrieNode.PREFIX).get(key).i32.load(0, 1);
  });
  f.block((equal) => {
    f.block((differs) => {
      const at = size > UNROLLED_BYTES ? emitWords(f, { size, start, different }, differs) : 0;
      for (const [plus, bytes] of chunksOf(at, size)) {
        f.i32.const(plus).set(start);
        load(f, node, TrieNode.DATA + plus, bytes);
        load(f, key, TRIE_KEY_DATA + plus, bytes);
        f.i64.xor().tee(different).i64.eqz().i32.eqz().brIf(differs);
      }
      f.br(equal);
    });
    // Whole bytes that are equal lie below the first that is not.
    f.get(different).i64.ctz().i32.wrapI64().i32.const(-8).i32.and().set(zeros);
    f.get(different).get(zeros).i64.extendI32U().i64.shrU().i32.wrapI64().i32.const(0xff).i32.and();
    f.i32.clz().i32.const(24).i32.sub().get(zeros).i32.add();
    f.get(start).i32.const(3).i32.shl().i32.add().set(bits);
    emitLesser(f, limit, () => f.get(limit).get(bits));
  });
  f.get(limit);
  return f;
}

/** What a lookup asks of the bits of its key. */
export interface KeyBits {
  /** Pushes how many bits of a node's data the key begins with, at least as many as both prefixes have in common. */
  readonly equal: (node: Local) => void;
  /** Pushes the bit at an index below the longest prefix. */
  readonly at: (index: Local) => void;
}

/** Emits what a lookup needs before it looks at nodes. Short data, as IPv4 addresses have, is kept in a register. */
export function emitKeyBits(f: FunctionBuilder, shape: MapShape, match: Func): KeyBits {
  const [, key] = f.params as [Local, Local];
  if (shape.keySize - TRIE_KEY_DATA !== 4) {
    return {
      equal: (node) => f.get(node).get(key).call(match),
      at: (index) => emitBitOf(f, key, TRIE_KEY_DATA, index),
    };
  }
  const data = f.local("i32", "data");
  const word = f.local("i32", "word");
  // The first byte, which has the first bits, becomes the highest.
  f.get(key).i32.load(TRIE_KEY_DATA, 1);
  emitSwap32(f, word).set(data);
  return {
    equal: (node) => {
      f.get(node).i32.load(TrieNode.DATA, 1);
      emitSwap32(f, word).get(data).i32.xor().i32.clz();
    },
    at: (index) => f.get(data).i32.const(31).get(index).i32.sub().i32.shrU().i32.const(1).i32.and(),
  };
}

/** Emits the lesser of two unsigned numbers, which `push` pushes, into a local. */
function emitLesser(f: FunctionBuilder, to: Local, push: () => void): void {
  const [one, other] = [f.local("i32", "one"), f.local("i32", "other")];
  push();
  f.set(other).set(one);
  f.get(one).get(other).get(one).get(other).i32.ltU().select().set(to);
}

/** Emits the loop over whole words of long data. @returns the bytes that it compares. */
function emitWords(
  f: FunctionBuilder,
  { size, start, different }: { size: number; start: Local; different: Local },
  differs: Label,
): number {
  const [node, key] = f.params as [Local, Local];
  const end = size & -8;
  f.loop((again) => {
    f.get(node).get(start).i32.add().i64.load(TrieNode.DATA, 1);
    f.get(key).get(start).i32.add().i64.load(TRIE_KEY_DATA, 1);
    f.i64.xor().tee(different).i64.eqz().i32.eqz().brIf(differs);
    f.get(start).i32.const(8).i32.add().tee(start).i32.const(end).i32.ne().brIf(again);
  });
  return end;
}

/** Pieces of 8, 4, 2 and 1 bytes from an offset to the end: no byte beside the data is read. */
function chunksOf(from: number, size: number): [at: number, bytes: number][] {
  const chunks: [number, number][] = [];
  for (let at = from; at < size; ) {
    const bytes = [8, 4, 2, 1].find((piece) => piece <= size - at)!;
    chunks.push([at, bytes]);
    at += bytes;
  }
  return chunks;
}

function load(f: FunctionBuilder, base: Local, at: number, bytes: number): FunctionBuilder {
  f.get(base);
  if (bytes === 8) return f.i64.load(at, 1);
  if (bytes === 4) return f.i64.load32U(at, 1);
  return bytes === 2 ? f.i64.load16U(at, 1) : f.i64.load8U(at);
}

/** Emits the bit of data at an index onto the stack (`extract_bit`). */
export function emitBitOf(f: FunctionBuilder, data: Local, plus: number, index: Local): FunctionBuilder {
  f.get(data).get(index).i32.const(3).i32.shrU().i32.add().i32.load8U(plus);
  f.i32.const(7).get(index).i32.const(7).i32.and().i32.sub();
  return f.i32.shrU().i32.const(1).i32.and();
}
