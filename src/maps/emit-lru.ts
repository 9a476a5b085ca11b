import type { MemoryImports } from "../mem/index.ts";
import { BpfMapFlag } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitBucketLock, emitBucketUnlock, emitCount, emitLink, emitRemoval } from "./emit-bucket.ts";
import { emitFreeElement } from "./emit-element.ts";
import { BUCKET_SIZE, BucketField } from "./emit-hash-find.ts";
import {
  emitBackwards,
  emitCountOf,
  emitHead,
  emitHeadOf,
  emitListLock,
  emitLruLists,
  type LruLists,
} from "./emit-lru-lists.ts";
import { Link, LOCAL_TARGET, LocalList, LRU_STRIDE, LruNode, NodeType, PER_CPU_TARGET } from "./lru-lists.ts";
import { MapField } from "./map-header.ts";
import { ElementField, nodeAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** The emitted functions that give elements out and take them back, by the header of their map. */
export interface LruFunctions {
  /** `(header, hash, cpu) → element | 0`: one that is in no table any more, evicted where none is free. */
  readonly take: Func;
  /** `(header, element)`: it is in the table no more, and no lock of a bucket is held. */
  readonly give: Func;
}

interface LruParts {
  readonly shape: MapShape;
  readonly memory: MemoryImports;
  readonly lists: LruLists;
  /** `(header, node) → 1 | 0`: whether the node's element was in the table, which it is no more. */
  readonly evict: Func;
  /** `(header, list, count, head, type) → count`: `__bpf_lru_list_shrink`. */
  readonly shrink: Func;
}

/** Emits what decides which elements stay (kernel/bpf/bpf_lru_list.c): with one set of lists, or with one for each CPU. */
export function emitLru(
  m: ModuleBuilder,
  shape: MapShape,
  memory: MemoryImports,
  freeFields: Func | null,
): LruFunctions {
  const common = (shape.flags & BpfMapFlag.NO_COMMON_LRU) === 0;
  const scans = common ? LOCAL_TARGET : PER_CPU_TARGET;
  const lists = emitLruLists(m, scans);
  const evict = m.function("lru_evict", { params: ["i32", "i32"], results: ["i32"] });
  emitEvict(evict, shape, memory, freeFields);
  const shrink = m.function("lru_shrink", { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] });
  emitShrink(shrink, lists, evict, scans);
  const parts = { shape, memory, lists, evict, shrink };
  const take = m.function("lru_take", { params: ["i32", "i32", "i32"], results: ["i32"] });
  const give = m.function("lru_give", { params: ["i32", "i32"] });
  if (common) {
    const refill = m.function("lru_refill", { params: ["i32", "i32", "i32"] });
    emitRefill(refill, parts);
    emitTakeCommon(take, parts, refill);
    emitGiveCommon(give, parts);
  } else {
    emitTakePerCpu(take, parts);
    emitGivePerCpu(give, parts);
  }
  return { take, give };
}

/** `htab_lru_map_delete_node` */
function emitEvict(
  f: FunctionBuilder,
  shape: MapShape,
  memory: MemoryImports,
  freeFields: Func | null,
): void {
  const [header, node] = f.params as [Local, Local];
  const map = { kind: "local", header } as const;
  const element = f.local("i32", "element");
  const bucket = f.local("i32", "bucket");
  const link = f.local("i32", "link");
  const at = f.local("i32", "at");
  f.get(node).i32.const(nodeAt(shape)).i32.sub().tee(element).i32.load(ElementField.HASH);
  f.get(header).i32.load(MapField.MASK).i32.and();
  f.i32.const(Math.log2(BUCKET_SIZE)).i32.shl().get(header).i32.load(MapField.BUCKETS).i32.add().tee(bucket);
  f.set(link);
  const version = emitBucketLock(f, memory, bucket);
  f.block((done) => {
    f.get(bucket).i32.load(BucketField.FIRST).set(at);
    f.loop((again) => {
      f.get(at).i32.eqz().brIf(done);
      f.get(at).get(element).i32.ne();
      f.if(() => f.get(at).tee(link).i32.load(ElementField.NEXT).set(at).br(again));
    });
    emitLink(f, link, () => f.get(element).i32.load(ElementField.NEXT));
    emitRemoval(f, version);
    emitCount(f, map, -1);
  });
  emitBucketUnlock(f, memory, bucket, version);
  if (freeFields !== null) f.get(at).if(() => emitFreeElement(f, shape, map, element, freeFields));
  f.get(at).i32.const(0).i32.ne();
}

/** `__bpf_lru_list_shrink`: unused nodes of the inactive list, or else the oldest, used or not. */
function emitShrink(f: FunctionBuilder, lists: LruLists, evict: Func, scans: number): void {
  const [header, list, wanted, target, type] = f.params as [Local, Local, Local, Local, Local];
  const head = f.local("i32", "head");
  const node = f.local("i32", "node");
  const seen = f.local("i32", "seen");
  const taken = f.local("i32", "taken");
  const free = () => f.get(list).get(node).get(target).get(type).call(lists.moveToFree);
  emitHead(f, list, NodeType.INACTIVE).set(head);
  emitBackwards(f, head, node, (done) => {
    f.get(node).i32.load8U(LruNode.REF);
    f.if(
      () => f.get(list).get(node).i32.const(NodeType.ACTIVE).call(lists.move),
      () => {
        f.get(header).get(node).call(evict);
        f.if(() => {
          free();
          f.get(taken).i32.const(1).i32.add().tee(taken).get(wanted).i32.eq().brIf(done);
        });
      },
    );
    f.get(seen).i32.const(1).i32.add().tee(seen).i32.const(scans).i32.eq().brIf(done);
  });
  f.get(taken).if(() => f.get(taken).return());
  f.get(head).i32.load(Link.BEHIND).get(head).i32.eq();
  f.if(() => emitHead(f, list, NodeType.ACTIVE).set(head));
  emitBackwards(f, head, node, () => {
    f.get(header).get(node).call(evict);
    f.if(() => {
      free();
      f.i32.const(1).return();
    });
  });
  f.i32.const(0);
}

/** Emits the first node of a list into a local: the head itself where it is empty, which `empty` says. */
function emitFirst(f: FunctionBuilder, head: () => FunctionBuilder, node: Local): FunctionBuilder {
  head().i32.load(Link.BEHIND).tee(node);
  head();
  return f.i32.eq();
}

/** `(header, list, local)`: `bpf_lru_list_pop_free_to_local`. */
function emitRefill(f: FunctionBuilder, { memory, lists, shrink }: LruParts): void {
  const [header, list, local] = f.params as [Local, Local, Local];
  const head = f.local("i32", "head");
  const node = f.local("i32", "node");
  const type = f.local("i32", "type");
  const left = f.local("i32", "left");
  const localFree = () => f.get(local).i32.const(LocalList.FREE).i32.add();
  emitListLock(f, memory, "lock", list);
  // __local_list_flush: what came in lately takes part from now on.
  f.get(local).i32.const(LocalList.PENDING).i32.add().set(head);
  emitBackwards(f, head, node, () => {
    f.i32.const(NodeType.ACTIVE).i32.const(NodeType.INACTIVE).get(node).i32.load8U(LruNode.REF);
    f.select().set(type);
    emitCountOf(f, list, type, 1);
    f.get(node).get(type).i32.store8(LruNode.TYPE);
    f.get(node).i32.const(0).i32.store8(LruNode.REF);
    f.get(node).call(lists.unlink).get(node);
    emitHeadOf(f, list, type).call(lists.enter);
  });
  f.get(list).call(lists.rotate);
  f.get(header).i32.load(MapField.LRU_TARGET).set(left);
  f.block((empty) => {
    f.loop((again) => {
      emitFirst(f, () => emitHead(f, list, NodeType.FREE), node).brIf(empty);
      f.get(list).get(node);
      localFree().i32.const(NodeType.LOCAL_FREE).call(lists.moveToFree);
      f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
    });
  });
  f.get(left).if(() => {
    f.get(header).get(list).get(left);
    localFree().i32.const(NodeType.LOCAL_FREE).call(shrink).drop();
  });
  emitListLock(f, memory, "unlock", list);
}

/** Emits the list of a CPU: what it has of a common list, or a list of its own. */
function emitListOf(f: FunctionBuilder, header: Local, cpu: Local, first: number): FunctionBuilder {
  f.get(cpu).i32.const(Math.log2(LRU_STRIDE)).i32.shl();
  f.get(header).i32.load(MapField.LRU).i32.add();
  return first === 0 ? f : f.i32.const(first).i32.add();
}

/** `bpf_common_lru_pop_free` */
function emitTakeCommon(f: FunctionBuilder, { shape, memory, lists, evict }: LruParts, refill: Func): void {
  const [header, hash, cpu] = f.params as [Local, Local, Local];
  const local = f.local("i32", "local");
  const other = f.local("i32", "other");
  const node = f.local("i32", "node");
  const first = f.local("i32", "first");
  const steal = f.local("i32", "steal");
  const popFree = (from: Local) => {
    emitFirst(f, () => f.get(from).i32.const(LocalList.FREE).i32.add(), node);
    f.if(
      () => f.i32.const(0).set(node),
      () => f.get(node).call(lists.unlink),
    );
  };
  const addPending = () => {
    f.get(node).i32.const(nodeAt(shape)).i32.sub().get(hash).i32.store(ElementField.HASH);
    f.get(node).get(cpu).i32.store16(LruNode.CPU);
    f.get(node).i32.const(NodeType.LOCAL_PENDING).i32.store8(LruNode.TYPE);
    f.get(node).i32.const(0).i32.store8(LruNode.REF);
    f.get(node).get(local).i32.const(LocalList.PENDING).i32.add().call(lists.enter);
  };
  const element = () => f.get(node).i32.const(nodeAt(shape)).i32.sub();
  emitListOf(f, header, cpu, LRU_STRIDE).set(local);
  emitListLock(f, memory, "lock", local);
  popFree(local);
  f.get(node).i32.eqz();
  f.if(() => {
    f.get(header).get(header).i32.load(MapField.LRU).get(local).call(refill);
    popFree(local);
  });
  f.get(node).if(addPending);
  emitListLock(f, memory, "unlock", local);
  f.get(node).if(() => {
    element();
    f.return();
  });
  // No node is free anywhere but at another CPU, whose oldest are taken, one CPU after the other.
  f.get(local).i32.load(LocalList.STEAL).tee(first).set(steal);
  f.loop((again) => {
    emitListOf(f, header, steal, LRU_STRIDE).set(other);
    emitListLock(f, memory, "lock", other);
    popFree(other);
    f.get(node).i32.eqz();
    f.if(() => emitPopPending(f, { header, other, node, lists, evict }));
    emitListLock(f, memory, "unlock", other);
    f.get(steal).i32.const(1).i32.add().tee(steal).get(header).i32.load(MapField.CPUS).i32.eq();
    f.if(() => f.i32.const(0).set(steal));
    f.get(node).i32.eqz().get(steal).get(first).i32.ne().i32.and().brIf(again);
  });
  f.get(local).get(steal).i32.store(LocalList.STEAL);
  f.get(node)
    .i32.eqz()
    .if(() => f.i32.const(0).return());
  emitListLock(f, memory, "lock", local);
  addPending();
  emitListLock(f, memory, "unlock", local);
  element();
}

/** `__local_list_pop_pending`: the oldest that was not used, or else the oldest. */
function emitPopPending(
  f: FunctionBuilder,
  parts: Pick<LruParts, "lists" | "evict"> & { readonly [name in "header" | "other" | "node"]: Local },
): void {
  const { header, other, node, lists, evict } = parts;
  const head = f.local("i32", "pending");
  const found = f.local("i32", "found");
  const force = f.local("i32", "force");
  f.get(other).i32.const(LocalList.PENDING).i32.add().set(head);
  f.i32.const(0).set(found).i32.const(0).set(force);
  f.loop((again) => {
    emitBackwards(f, head, node, (done) => {
      f.get(node).i32.load8U(LruNode.REF).i32.eqz().get(force).i32.or();
      f.if(() => {
        f.get(header).get(node).call(evict);
        f.if(() => f.get(node).tee(found).call(lists.unlink).br(done));
      });
    });
    f.get(found).get(force).i32.or().i32.eqz();
    f.if(() => f.i32.const(1).set(force).br(again));
  });
  f.get(found).set(node);
}

/** `bpf_common_lru_push_free` */
function emitGiveCommon(f: FunctionBuilder, { shape, memory, lists }: LruParts): void {
  const [header, element] = f.params as [Local, Local];
  const node = f.local("i32", "node");
  const list = f.local("i32", "list");
  const cpu = f.local("i32", "cpu");
  const isPending = () => f.get(node).i32.load8U(LruNode.TYPE).i32.const(NodeType.LOCAL_PENDING).i32.eq();
  f.get(element).i32.const(nodeAt(shape)).i32.add().set(node);
  isPending().if(() => {
    f.get(node).i32.load16U(LruNode.CPU).set(cpu);
    emitListOf(f, header, cpu, LRU_STRIDE).set(list);
    emitListLock(f, memory, "lock", list);
    // It may have been flushed into the common list meanwhile.
    isPending().if(() => {
      f.get(node).i32.const(NodeType.LOCAL_FREE).i32.store8(LruNode.TYPE);
      f.get(node).i32.const(0).i32.store8(LruNode.REF);
      f.get(node).call(lists.unlink);
      f.get(node).get(list).i32.const(LocalList.FREE).i32.add().call(lists.enter);
      emitListLock(f, memory, "unlock", list);
      f.return();
    });
    emitListLock(f, memory, "unlock", list);
  });
  f.get(header).i32.load(MapField.LRU).set(list);
  emitPushFree(f, { memory, lists, list, node });
}

function emitPushFree(
  f: FunctionBuilder,
  parts: Pick<LruParts, "memory" | "lists"> & { readonly list: Local; readonly node: Local },
): void {
  const { memory, lists, list, node } = parts;
  emitListLock(f, memory, "lock", list);
  f.get(list).get(node).i32.const(NodeType.FREE).call(lists.move);
  emitListLock(f, memory, "unlock", list);
}

/** `bpf_percpu_lru_pop_free` */
function emitTakePerCpu(f: FunctionBuilder, { shape, memory, lists, shrink }: LruParts): void {
  const [header, hash, cpu] = f.params as [Local, Local, Local];
  const list = f.local("i32", "list");
  const node = f.local("i32", "node");
  const head = () => emitHead(f, list, NodeType.FREE);
  emitListOf(f, header, cpu, 0).set(list);
  emitListLock(f, memory, "lock", list);
  f.get(list).call(lists.rotate);
  emitFirst(f, head, node);
  f.if(() => {
    f.get(header).get(list).i32.const(PER_CPU_TARGET);
    head().i32.const(NodeType.FREE).call(shrink).drop();
  });
  emitFirst(f, head, node);
  f.if(
    () => f.i32.const(0).set(node),
    () => {
      f.get(node).i32.const(nodeAt(shape)).i32.sub().get(hash).i32.store(ElementField.HASH);
      f.get(list).get(node).i32.const(NodeType.INACTIVE).call(lists.move);
    },
  );
  emitListLock(f, memory, "unlock", list);
  f.get(node).if(() => f.get(node).i32.const(nodeAt(shape)).i32.sub().return());
  f.i32.const(0);
}

/** `bpf_percpu_lru_push_free`: an element belongs to the same CPU for ever. */
function emitGivePerCpu(f: FunctionBuilder, { shape, memory, lists }: LruParts): void {
  const [header, element] = f.params as [Local, Local];
  const node = f.local("i32", "node");
  const list = f.local("i32", "list");
  const cpu = f.local("i32", "cpu");
  f.get(element).i32.const(nodeAt(shape)).i32.add().tee(node).i32.load16U(LruNode.CPU).set(cpu);
  emitListOf(f, header, cpu, 0).set(list);
  emitPushFree(f, { memory, lists, list, node });
}
