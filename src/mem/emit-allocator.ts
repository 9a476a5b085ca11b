import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { BLOCK_FLAGS, BlockFlag, HEADER_SIZE, MIN_BLOCK, MIN_PAYLOAD, SEAL, SEAL_AT } from "./block.ts";
import { Control, POISON } from "./control.ts";
import { emitFreeLists, emitSizeOf, type FreeListFunctions } from "./emit-free-lists.ts";
import { emitWhereParallel, type LockFunctions } from "./emit-lock.ts";
import { HEAP } from "./layout.ts";

/** Larger requests fail at once: nothing that large can exist, and sums with it would wrap. */
const MAX_REQUEST = 0xfff0_0000;

/** Blocks up to this size are cleared word by word; `memory.fill` costs a call out of Wasm. */
const FILL_FROM = 256;

/** The emitted allocator. */
export interface AllocatorFunctions {
  /** `(size, alignment) → offset | 0`, exported as `alloc`. */
  readonly alloc: Func;
  /** `(offset) → 0 | -1`, exported as `free`. -1: not a block that is handed out; nothing was changed. */
  readonly free: Func;
  /** `(offset) → header | 0`: 0 where no block that is handed out starts at `offset`. */
  readonly headerOf: Func;
  /** `(header)`. Frees a block; the caller holds the lock. */
  readonly release: Func;
}

export function emitAllocator(m: ModuleBuilder, locks: LockFunctions): AllocatorFunctions {
  const lists = emitFreeLists(m);
  const grow = m.function("grow", { params: ["i32"], results: ["i32"] });
  const clear = m.function("clear", { params: ["i32", "i32"] });
  const alloc = m.function("alloc", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
  const headerOf = m.function("header_of", { params: ["i32"], results: ["i32"] });
  const release = m.function("release", { params: ["i32"] });
  const free = m.function("free", { params: ["i32"], results: ["i32"] }, { export: true });
  emitGrow(grow, lists);
  emitClear(clear);
  emitAlloc(alloc, { lists, locks, grow, clear });
  emitHeaderOf(headerOf);
  emitRelease(release, lists);

  const [offset] = free.params as [Local];
  const header = free.local("i32", "header");
  emitWhereParallel(free, locks.lock, Control.LOCK);
  free
    .get(offset)
    .call(headerOf)
    .tee(header)
    .if(() => free.get(header).call(release));
  emitWhereParallel(free, locks.unlock, Control.LOCK);
  free.i32.const(0).i32.const(-1).get(header).select();
  return { alloc, free, headerOf, release };
}

interface AllocParts {
  readonly lists: FreeListFunctions;
  readonly locks: LockFunctions;
  readonly grow: Func;
  readonly clear: Func;
}

function emitAlloc(f: FunctionBuilder, { lists, locks, grow, clear }: AllocParts): void {
  const [size, alignment] = f.params as [Local, Local];
  const need = f.local("i32", "need");
  const block = f.local("i32", "block");
  const total = f.local("i32", "total");
  const flags = f.local("i32", "flags");
  const end = f.local("i32", "end");
  const gap = f.local("i32", "gap");
  const water = f.local("i32", "watermark");
  const foot = f.local("i32", "foot");

  f.get(size)
    .i32.const(MAX_REQUEST)
    .i32.gtU()
    .if(() => f.i32.const(0).return());
  f.get(size).i32.const(7).i32.add().i32.const(-8).i32.and().tee(size).i32.const(MIN_PAYLOAD).i32.ltU();
  f.if(() => f.i32.const(MIN_PAYLOAD).set(size));
  f.get(size).set(need);
  f.get(alignment).i32.const(8).i32.gtU();
  f.if(() => f.get(size).get(alignment).i32.add().i32.const(MIN_BLOCK).i32.add().set(need));

  emitWhereParallel(f, locks.lock, Control.LOCK);
  f.get(need).call(lists.find).tee(block).i32.eqz();
  f.if(() => {
    f.get(need).call(grow).tee(block).i32.eqz();
    f.if(() => {
      f.get(need).call(lists.search).tee(block).i32.eqz();
      f.if(() => {
        emitWhereParallel(f, locks.unlock, Control.LOCK);
        f.i32.const(0).return();
      });
    });
  });
  f.get(block).call(lists.remove);
  emitSizeOf(f, block).set(total);
  // The last word of the free payload is this block's own offset: to be cleared where the block is taken whole.
  f.get(block)
    .get(total)
    .i32.add()
    .i32.const(HEADER_SIZE - 4)
    .i32.add()
    .set(foot);

  // What lies before the aligned payload stays free.
  f.get(alignment).i32.const(8).i32.gtU();
  f.if(() => {
    f.get(block)
      .i32.const(HEADER_SIZE - 1)
      .i32.add()
      .get(alignment)
      .i32.add();
    f.i32.const(0).get(alignment).i32.sub().i32.and();
    f.get(block).i32.const(HEADER_SIZE).i32.add().i32.sub().tee(gap);
    f.if(() => {
      f.get(gap).i32.const(MIN_BLOCK).i32.ltU();
      f.if(() => f.get(gap).get(alignment).i32.add().set(gap));
      f.get(block).get(gap).i32.const(HEADER_SIZE).i32.sub().i32.const(BlockFlag.FREE).i32.or().i32.store();
      f.get(block).get(gap).i32.add().i32.const(4).i32.sub().get(block).i32.store();
      f.get(block).call(lists.insert);
      f.get(block).get(gap).i32.add().set(block);
      f.get(total).get(gap).i32.sub().set(total);
      f.i32.const(BlockFlag.PREVIOUS_FREE).set(flags);
    });
  });

  // So does what lies behind, where it can be a block.
  f.get(block).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().set(end);
  f.get(total).get(size).i32.sub().tee(gap).i32.const(MIN_BLOCK).i32.geU();
  f.if(
    () => {
      f.get(end).get(gap).i32.const(HEADER_SIZE).i32.sub().i32.const(BlockFlag.FREE).i32.or().i32.store();
      f.get(foot).get(end).i32.store();
      f.get(end).call(lists.insert);
    },
    () => {
      f.get(total).set(size);
      f.get(block).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().tee(end);
      f.get(end).i32.load().i32.const(~BlockFlag.PREVIOUS_FREE).i32.and().i32.store();
      f.get(foot).i32.const(0).i32.store();
    },
  );
  f.get(block).get(size).get(flags).i32.or().i32.store();
  f.get(block).get(block).i32.const(SEAL).i32.xor().i32.store(SEAL_AT);
  f.i32.const(0).i32.const(0).i32.load(Control.USED).get(size).i32.add().i32.store(Control.USED);
  f.i32.const(0).i32.load(Control.WATERMARK).tee(water).get(end).i32.ltU();
  f.if(() => f.i32.const(0).get(end).i32.store(Control.WATERMARK));
  emitWhereParallel(f, locks.unlock, Control.LOCK);

  // Above the old watermark only the links of the free block are not zero.
  f.get(block).i32.const(HEADER_SIZE).i32.add().tee(block).i64.const(0).i64.store();
  f.get(water).get(end).get(water).get(end).i32.ltU().select().tee(end).get(block).i32.gtU();
  f.if(() => f.get(block).get(end).call(clear));
  f.get(block);
}

/** `(start, end)`, both multiples of 8. */
function emitClear(f: FunctionBuilder): void {
  const [start, end] = f.params as [Local, Local];
  f.get(end).get(start).i32.sub().i32.const(FILL_FROM).i32.gtU();
  f.if(() => f.get(start).i32.const(0).get(end).get(start).i32.sub().memoryFill().return());
  f.loop((again) => {
    f.get(start).i64.const(0).i64.store();
    f.get(start).i32.const(8).i32.add().tee(start).get(end).i32.ltU().brIf(again);
  });
}

/**
 * `(need) → header | 0`: makes the last block of the heap free and large enough by growing the memory, by a sixteenth
 * where it can be, so that many small requests do not each pay for growth.
 */
function emitGrow(f: FunctionBuilder, lists: FreeListFunctions): void {
  const [need] = f.params as [Local];
  const last = f.local("i32", "last");
  const block = f.local("i32", "block");
  const pages = f.local("i32", "pages");
  const many = f.local("i32", "many");
  f.i32.const(0).i32.load(Control.HEAP_END).tee(last).i32.load().i32.const(BlockFlag.PREVIOUS_FREE).i32.and();
  f.if(
    () => {
      f.get(last).i32.const(4).i32.sub().i32.load().set(block);
      emitSizeOf(f, block)
        .get(need)
        .i32.geU()
        .if(() => f.get(block).return());
      f.get(need);
      emitSizeOf(f, block).i32.sub();
    },
    () => f.get(need).i32.const(HEADER_SIZE).i32.add(),
    "i32",
  );
  // Rounded up without the sum that could wrap.
  f.i32.const(1).i32.sub().i32.const(16).i32.shrU().i32.const(1).i32.add().set(pages);
  f.memorySize()
    .i32.const(4)
    .i32.shrU()
    .tee(many)
    .get(pages)
    .get(many)
    .get(pages)
    .i32.gtU()
    .select()
    .tee(many);
  f.memoryGrow().i32.const(-1).i32.eq();
  f.if(() => {
    f.get(pages).memoryGrow().i32.const(-1).i32.eq();
    f.if(() => f.i32.const(0).return());
  });
  f.get(block).if(
    () => {
      f.get(block).call(lists.remove);
      f.get(last).i32.const(4).i32.sub().i32.const(0).i32.store();
      f.get(last).i64.const(0).i64.store();
    },
    () => f.get(last).set(block),
  );
  f.memorySize().i32.const(16).i32.shl().i32.const(HEADER_SIZE).i32.sub().set(last);
  f.get(block).get(last).get(block).i32.sub().i32.const(HEADER_SIZE).i32.sub();
  f.i32.const(BlockFlag.FREE).i32.or().i32.store();
  f.get(last).i32.const(4).i32.sub().get(block).i32.store();
  f.get(last).i32.const(BlockFlag.PREVIOUS_FREE).i32.store();
  f.i32.const(0).get(last).i32.store(Control.HEAP_END);
  f.get(block).call(lists.insert);
  f.get(block);
}

function emitHeaderOf(f: FunctionBuilder): void {
  const [offset] = f.params as [Local];
  const header = f.local("i32", "header");
  f.block((garbage) => {
    f.get(offset).i32.const(7).i32.and().brIf(garbage);
    f.get(offset).i32.const(HEAP).i32.ltU().brIf(garbage);
    f.get(offset).i32.const(0).i32.load(Control.HEAP_END).i32.geU().brIf(garbage);
    f.get(offset).i32.const(HEADER_SIZE).i32.sub().tee(header).i32.load();
    f.i32
      .const(BlockFlag.FREE | BlockFlag.RETIRED)
      .i32.and()
      .brIf(garbage);
    f.get(header).i32.load(SEAL_AT).get(header).i32.const(SEAL).i32.xor().i32.ne().brIf(garbage);
    f.get(header).return();
  });
  f.i32.const(0);
}

function emitRelease(f: FunctionBuilder, lists: FreeListFunctions): void {
  const [header] = f.params as [Local];
  const word = f.local("i32", "word");
  const size = f.local("i32", "size");
  const next = f.local("i32", "next");
  f.get(header).i32.load().tee(word).i32.const(~BLOCK_FLAGS).i32.and().set(size);
  f.i32.const(0).i32.const(0).i32.load(Control.USED).get(size).i32.sub().i32.store(Control.USED);
  f.i32.const(0).i32.load(Control.POISONING);
  f.if(() => f.get(header).i32.const(HEADER_SIZE).i32.add().i32.const(POISON).get(size).memoryFill());
  f.get(header).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().tee(next).i32.load();
  f.i32.const(BlockFlag.FREE).i32.and();
  f.if(() => {
    f.get(next).call(lists.remove);
    emitSizeOf(f, next).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().set(size);
    // Its header and links may lie above the watermark.
    f.get(next).i64.const(0).i64.store();
    f.get(next).i64.const(0).i64.store(HEADER_SIZE);
    f.get(header).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().set(next);
  });
  f.get(header).i32.const(0).i32.store(SEAL_AT);
  f.get(word).i32.const(BlockFlag.PREVIOUS_FREE).i32.and();
  f.if(() => {
    f.get(header).i32.const(4).i32.sub().i32.load().tee(header).call(lists.remove);
    emitSizeOf(f, header).i32.const(HEADER_SIZE).i32.add().get(size).i32.add().set(size);
  });
  f.get(header).get(size).i32.const(BlockFlag.FREE).i32.or().i32.store();
  f.get(next).i32.const(4).i32.sub().get(header).i32.store();
  f.get(next).get(next).i32.load().i32.const(BlockFlag.PREVIOUS_FREE).i32.or().i32.store();
  f.get(header).call(lists.insert);
}
