import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  add,
  again,
  and,
  body,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  forever,
  loadLong,
  loadWord,
  type MemoryArray,
  ne,
  result,
  set,
  shl,
  storeWord,
  type Value,
  variables,
  when,
  wide,
  wrap,
} from "./expressions.ts";
import { zeroBytes } from "./lines.ts";
import type { DumpMemory } from "./memory.ts";

/** How often each name was declared so far, by the bytes of the name. */
export interface Names {
  /** Counts one more declaration of the name at a string offset; gives its number, from 1. */
  declareTag(offset: Value): Code;
  declareIdentifier(offset: Value): Code;
  /** Whether the texts at two addresses are the same. */
  same(left: Value, right: Value): Code;
}

/** Any odd number with its bits well mixed: that of 2^64 divided by the golden ratio. */
const MIX = 0x9e37_79b9_7f4a_7c15n;

export function emitNames(m: ModuleBuilder, memory: DumpMemory): Names {
  const same = emitSame(m);
  const hash = emitHash(m, memory.bucketMask);
  const used = m.global("names", "i32", { mutable: true });
  const { strings, nameOffsets, nameCounts, nameNexts } = memory;

  const f = declare(m, "declare_name", ["i32", "i32"], "i32");
  const [buckets, offset] = f.params;
  const { bucket, entry, count } = variables(f, "i32", "bucket", "entry", "count");
  body(
    f,
    set(bucket, add(buckets!, call(hash, add(offset!, strings.address)))),
    set(entry, loadWord(bucket)),
    during(entry, [
      when(
        either(
          ne(nameOffsets.at(entry), offset!),
          call(same, add(nameOffsets.at(entry), strings.address), add(offset!, strings.address)),
          1,
        ),
        [set(count, add(nameCounts.at(entry), 1)), nameCounts.set(entry, count), result(count)],
      ),
      set(entry, nameNexts.at(entry)),
    ]),
    bump(used, 1),
    nameOffsets.set(used, offset!),
    nameCounts.set(used, 1),
    nameNexts.set(used, loadWord(bucket)),
    storeWord(bucket, used),
    result(1),
  );

  const space = (array: MemoryArray) => (offset: Value) => call(f, array.address, offset);
  return {
    declareTag: space(memory.tagBuckets),
    declareIdentifier: space(memory.identifierBuckets),
    same: (left, right) => call(same, left, right),
  };
}

/** `hash(text)`: four times the number of a bucket. */
function emitHash(m: ModuleBuilder, bucketMask: Value): Func {
  const f = declare(m, "hash_name", ["i32"], "i32");
  const [text] = f.params;
  const { bytes, zeros, hash } = variables(f, "i64", "bytes", "zeros", "hash");
  const mix = (value: Value): Code => wide.mul(wide.xor(hash, value), wide.const(MIX));
  body(
    f,
    forever(
      set(bytes, loadLong(text!)),
      set(zeros, zeroBytes(bytes)),
      when(wide.not(zeros), [
        set(hash, mix(bytes)),
        set(hash, wide.xor(hash, wide.shrU(hash, wide.const(29)))),
        bump(text!, 8),
        again,
      ]),
      set(hash, mix(wide.and(bytes, upToZero(zeros)))),
      result(and(wrap(wide.shrU(hash, wide.const(34))), shl(bucketMask, 2))),
    ),
  );
  return f;
}

/** All bits of the bytes up to the first zero. */
function upToZero(zeros: Value): Code {
  return wide.sub(wide.shl(wide.const(2), wide.ctz(zeros)), wide.const(1));
}

function emitSame(m: ModuleBuilder): Func {
  const f = declare(m, "same", ["i32", "i32"], "i32");
  const [left, right] = f.params;
  const { bytes, others, zeros } = variables(f, "i64", "bytes", "others", "zeros");
  body(
    f,
    forever(
      set(bytes, loadLong(left!)),
      set(others, loadLong(right!)),
      set(zeros, zeroBytes(bytes)),
      when(wide.not(zeros), [
        when(wide.ne(bytes, others), [result(0)]),
        bump(left!, 8),
        bump(right!, 8),
        again,
      ]),
      result(wide.not(wide.and(wide.xor(bytes, others), upToZero(zeros)))),
    ),
  );
  return f;
}
