import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { BLOCK_FLAGS, HEADER_SIZE } from "./block.ts";
import { Control } from "./control.ts";

/** Emitted functions over the lists of free blocks; their caller holds the lock. */
export interface FreeListFunctions {
  /** `(header)`. Enters a free block into the list of its size. */
  readonly insert: Func;
  /** `(header)`. Takes a block out of its list. */
  readonly remove: Func;
  /** `(size) → header | 0`. A free block of at least `size` payload bytes, still in its list. */
  readonly find: Func;
  /** `(size) → header | 0`. The same among blocks of `size`'s own class, by trying each: for when memory runs out. */
  readonly search: Func;
}

const NEXT = HEADER_SIZE;
const PREVIOUS = HEADER_SIZE + 4;

/**
 * Emits two-level segregated fit (Masmano et al., "TLSF: a New Dynamic Memory Allocator for Real-Time Systems",
 * 2004): every operation takes the same few steps, and at most 1/32 of a block is lost to its class.
 */
export function emitFreeLists(m: ModuleBuilder): FreeListFunctions {
  const classOf = m.function("class_of", { params: ["i32"], results: ["i32"] });
  const insert = m.function("insert", { params: ["i32"] });
  const remove = m.function("remove", { params: ["i32"] });
  const find = m.function("find", { params: ["i32"], results: ["i32"] });
  const search = m.function("search", { params: ["i32"], results: ["i32"] });
  emitClassOf(classOf);
  emitInsert(insert, classOf);
  emitRemove(remove, classOf);
  emitFind(find, classOf);
  emitSearch(search, classOf);
  return { insert, remove, find, search };
}

/** Payload size of the block at `header`. */
export function emitSizeOf(f: FunctionBuilder, header: Local): FunctionBuilder {
  return f.get(header).i32.load().i32.const(~BLOCK_FLAGS).i32.and();
}

/** First level times 32 plus second level. */
function emitClassOf(f: FunctionBuilder): void {
  const [size] = f.params as [Local];
  const log = f.local("i32", "log");
  f.get(size).i32.const(256).i32.ltU();
  f.if(() => f.get(size).i32.const(3).i32.shrU().return());
  f.i32.const(31).get(size).i32.clz().i32.sub().set(log);
  f.get(log).i32.const(8).i32.sub().i32.const(5).i32.shl();
  f.get(size).get(log).i32.const(5).i32.sub().i32.shrU().i32.add();
}

function emitInsert(f: FunctionBuilder, classOf: Func): void {
  const [header] = f.params as [Local];
  const cls = f.local("i32", "class");
  const head = f.local("i32", "head");
  const first = f.local("i32", "first");
  emitSizeOf(f, header).call(classOf).set(cls);
  f.get(cls).i32.const(2).i32.shl().tee(head).i32.load(Control.FREE_LISTS).set(first);
  f.get(header).get(first).i32.store(NEXT);
  f.get(header).i32.const(0).i32.store(PREVIOUS);
  f.get(first).if(() => f.get(first).get(header).i32.store(PREVIOUS));
  f.get(head).get(header).i32.store(Control.FREE_LISTS);
  // Bits of both levels.
  f.i32.const(0).i32.const(0).i32.load(Control.FIRST_BITMAP);
  f.i32.const(1).get(cls).i32.const(5).i32.shrU().i32.shl().i32.or().i32.store(Control.FIRST_BITMAP);
  f.get(cls).i32.const(5).i32.shrU().i32.const(2).i32.shl().tee(head);
  f.get(head).i32.load(Control.SECOND_BITMAPS);
  f.i32.const(1).get(cls).i32.shl().i32.or().i32.store(Control.SECOND_BITMAPS);
}

function emitRemove(f: FunctionBuilder, classOf: Func): void {
  const [header] = f.params as [Local];
  const next = f.local("i32", "next");
  const previous = f.local("i32", "previous");
  const cls = f.local("i32", "class");
  const at = f.local("i32", "at");
  const bits = f.local("i32", "bits");
  f.get(header).i32.load(NEXT).set(next);
  f.get(header).i32.load(PREVIOUS).set(previous);
  f.get(next).if(() => f.get(next).get(previous).i32.store(PREVIOUS));
  f.get(previous).if(() => f.get(previous).get(next).i32.store(NEXT).return());
  emitSizeOf(f, header).call(classOf).set(cls);
  f.get(cls).i32.const(2).i32.shl().get(next).i32.store(Control.FREE_LISTS);
  f.get(next).if(() => f.return());
  f.get(cls).i32.const(5).i32.shrU().i32.const(2).i32.shl().set(at);
  f.get(at).get(at).i32.load(Control.SECOND_BITMAPS);
  f.i32.const(-2).get(cls).i32.rotl().i32.and().tee(bits).i32.store(Control.SECOND_BITMAPS);
  f.get(bits).if(() => f.return());
  f.i32.const(0).i32.const(0).i32.load(Control.FIRST_BITMAP);
  f.i32.const(-2).get(cls).i32.const(5).i32.shrU().i32.rotl().i32.and().i32.store(Control.FIRST_BITMAP);
}

function emitFind(f: FunctionBuilder, classOf: Func): void {
  const [size] = f.params as [Local];
  const cls = f.local("i32", "class");
  const first = f.local("i32", "first");
  const bits = f.local("i32", "bits");
  // Up to the next class: whatever stands there is large enough.
  f.get(size).i32.const(256).i32.geU();
  f.if(() => {
    f.i32.const(1).i32.const(26).get(size).i32.clz().i32.sub().i32.shl().i32.const(1).i32.sub();
    f.get(size).i32.add().tee(cls).get(size).i32.ltU();
    f.if(() => f.i32.const(0).return());
    f.get(cls).set(size);
  });
  f.get(size).call(classOf).tee(cls).i32.const(5).i32.shrU().set(first);
  f.get(first).i32.const(2).i32.shl().i32.load(Control.SECOND_BITMAPS);
  f.i32.const(-1).get(cls).i32.shl().i32.and().tee(bits).i32.eqz();
  f.if(() => {
    f.i32.const(0).i32.load(Control.FIRST_BITMAP);
    f.i32.const(-2).get(first).i32.shl().i32.and().tee(bits).i32.eqz();
    f.if(() => f.i32.const(0).return());
    f.get(bits).i32.ctz().tee(first).i32.const(2).i32.shl().i32.load(Control.SECOND_BITMAPS).set(bits);
  });
  f.get(first).i32.const(5).i32.shl().get(bits).i32.ctz().i32.add();
  f.i32.const(2).i32.shl().i32.load(Control.FREE_LISTS);
}

function emitSearch(f: FunctionBuilder, classOf: Func): void {
  const [size] = f.params as [Local];
  const at = f.local("i32", "at");
  f.get(size).call(classOf).i32.const(2).i32.shl().i32.load(Control.FREE_LISTS).set(at);
  f.block((done) => {
    f.loop((again) => {
      f.get(at).i32.eqz().brIf(done);
      emitSizeOf(f, at).get(size).i32.geU().brIf(done);
      f.get(at).i32.load(NEXT).set(at).br(again);
    });
  });
  f.get(at);
}
