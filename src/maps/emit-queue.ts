import type { MemoryImports } from "../mem/index.ts";
import { BpfMapType, BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emitCopy } from "./emit-bytes.ts";
import { emitMapLock } from "./emit-map-lock.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, emitHeader, type MapOperand } from "./map-operand.ts";
import { rounded } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** Operations on values without keys. */
export type ContainerFunctions = Readonly<Record<"push" | "pop" | "peek", FunctionBuilder>>;

/**
 * Queues and stacks (`queue_map_ops`, `stack_map_ops`): a ring with one place more than it has entries. New elements
 * go to its head; a queue gives the one at its tail, a stack the one before its head.
 */
export function emitQueue(
  shape: MapShape,
  { push, pop, peek }: ContainerFunctions,
  operand: (f: FunctionBuilder) => MapOperand,
  memory: MemoryImports,
): void {
  emitPush(push, shape, operand(push), memory);
  emitGet(pop, shape, { map: operand(pop), memory, remove: true });
  emitGet(peek, shape, { map: operand(peek), memory, remove: false });
}

/** Emits the place behind the one in a local. */
function emitNext(f: FunctionBuilder, map: MapOperand, place: Local): FunctionBuilder {
  const next = f.local("i32", "next");
  f.get(place).i32.const(1).i32.add().tee(next).i32.const(0).get(next);
  emitFixed(f, map, MapField.PLACES).i32.ltU();
  return f.select();
}

/** Emits the offset of a place's value. */
function emitPlace(f: FunctionBuilder, shape: MapShape, map: MapOperand, place: Local): FunctionBuilder {
  f.get(place).i32.const(rounded(shape.valueSize)).i32.mul();
  return emitFixed(f, map, MapField.VALUES).i32.add();
}

/** `queue_stack_map_push_elem`: with BPF_EXIST the oldest element makes room in a full map. */
function emitPush(f: FunctionBuilder, shape: MapShape, map: MapOperand, memory: MemoryImports): void {
  const [, value, flags] = f.params as [Local, Local, Local];
  const head = f.local("i32", "head");
  const tail = f.local("i32", "tail");
  const to = f.local("i32", "to");
  const error = f.local("i32", "error");
  f.get(flags).i32.const(~BpfUpdateFlag.EXIST).i32.and();
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  emitMapLock(f, memory, "lock", map);
  f.block((done) => {
    emitHeader(f, map).i32.load(MapField.HEAD).set(head);
    emitHeader(f, map).i32.load(MapField.TAIL).set(tail);
    emitNext(f, map, head).get(tail).i32.eq();
    f.if(() => {
      f.get(flags).i32.eqz();
      f.if(() => f.i32.const(-Errno.E2BIG).set(error).br(done));
      emitHeader(f, map);
      emitNext(f, map, tail).i32.store(MapField.TAIL);
    });
    emitPlace(f, shape, map, head).set(to);
    emitCopy(f, { base: to, plus: 0 }, { base: value, plus: 0 }, shape.valueSize);
    emitHeader(f, map);
    emitNext(f, map, head).i32.store(MapField.HEAD);
  });
  emitMapLock(f, memory, "unlock", map);
  f.get(error);
}

/** `__queue_map_get`, `__stack_map_get`: of an empty map zeros, and ENOENT. */
function emitGet(
  f: FunctionBuilder,
  shape: MapShape,
  parts: { readonly map: MapOperand; readonly memory: MemoryImports; readonly remove: boolean },
): void {
  const { map, memory, remove } = parts;
  const value = f.params[1]!;
  const place = f.local("i32", "place");
  const from = f.local("i32", "from");
  const error = f.local("i32", "error");
  const isStack = shape.type === BpfMapType.STACK;
  emitMapLock(f, memory, "lock", map);
  f.block((done) => {
    emitHeader(f, map)
      .i32.load(isStack ? MapField.HEAD : MapField.TAIL)
      .tee(place);
    emitHeader(f, map)
      .i32.load(isStack ? MapField.TAIL : MapField.HEAD)
      .i32.eq();
    f.if(() => {
      f.get(value).i32.const(0).i32.const(shape.valueSize).memoryFill();
      f.i32.const(-Errno.ENOENT).set(error).br(done);
    });
    if (isStack) {
      f.get(place).i32.eqz();
      f.if(() => emitFixed(f, map, MapField.PLACES).set(place));
      f.get(place).i32.const(1).i32.sub().set(place);
    }
    emitPlace(f, shape, map, place).set(from);
    emitCopy(f, { base: value, plus: 0 }, { base: from, plus: 0 }, shape.valueSize);
    if (!remove) return;
    emitHeader(f, map);
    if (isStack) f.get(place).i32.store(MapField.HEAD);
    else emitNext(f, map, place).i32.store(MapField.TAIL);
  });
  emitMapLock(f, memory, "unlock", map);
  f.get(error);
}
