import { Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emitJhash } from "./emit-jhash.ts";
import type { ContainerFunctions } from "./emit-queue.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";
import type { MapShape } from "./operations.ts";

/** Bloom filters (`bloom_filter_map_ops`): every value that was pushed is found, and some that were not. */
export function emitBloomFilter(
  shape: MapShape,
  { push, pop, peek }: ContainerFunctions,
  operand: (f: FunctionBuilder) => MapOperand,
): void {
  const [, , flags] = push.params as [Local, Local, Local];
  push.get(flags);
  push.if(() => push.i32.const(-Errno.EINVAL).return());
  emitBits(push, shape, operand(push), (word, bit) => {
    push.get(word).get(bit).i32.atomicRmw("or").drop();
  });
  push.i32.const(0);
  emitBits(peek, shape, operand(peek), (word, bit) => {
    peek.get(word).i32.load().get(bit).i32.and().i32.eqz();
    peek.if(() => peek.i32.const(-Errno.ENOENT).return());
  });
  peek.i32.const(0);
  pop.i32.const(-Errno.EOPNOTSUPP);
}

/** Emits `use` for the bit of each hash function: the word that it is in, and the bit there. */
function emitBits(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  use: (word: Local, bit: Local) => void,
): void {
  const value = f.params[1]!;
  const left = f.local("i32", "left");
  const index = f.local("i32", "index");
  const word = f.local("i32", "word");
  const bit = f.local("i32", "bit");
  emitFixed(f, map, MapField.HASHES).set(left);
  f.loop((again) => {
    emitJhash(f, value, shape.valueSize, () => {
      emitFixed(f, map, MapField.SEED);
      f.get(left).i32.add().i32.const(1).i32.sub();
    });
    emitFixed(f, map, MapField.PLACES).i32.and().set(index);
    f.get(index).i32.const(5).i32.shrU().i32.const(2).i32.shl();
    emitFixed(f, map, MapField.VALUES).i32.add().set(word);
    f.i32.const(1).get(index).i32.const(31).i32.and().i32.shl().set(bit);
    use(word, bit);
    f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
  });
}
