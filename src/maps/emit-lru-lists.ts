import { emitParallel, type MemoryImports } from "../mem/index.ts";
import type { Func, FunctionBuilder, Label, Local, ModuleBuilder } from "../wasm/index.ts";
import { LINK_SIZE, Link, LruList, LruNode, NodeType } from "./lru-lists.ts";

/** The emitted functions over lists of nodes: all arguments are offsets; locks are held by the caller. */
export interface LruLists {
  /** `(node)`: takes a node out of its list. */
  readonly unlink: Func;
  /** `(node, head)`: enters it as the first one. */
  readonly enter: Func;
  /** `(list, node, type)`: `__bpf_lru_node_move`. */
  readonly move: Func;
  /** `(list, node, head, type)`: `__bpf_lru_node_move_to_free`. */
  readonly moveToFree: Func;
  /** `(list)`: `__bpf_lru_list_rotate`. */
  readonly rotate: Func;
}

/** Emits the lists' functions; `scans` nodes are looked at in one go. */
export function emitLruLists(m: ModuleBuilder, scans: number): LruLists {
  const unlink = m.function("lru_unlink", { params: ["i32"] });
  emitUnlink(unlink);
  const enter = m.function("lru_enter", { params: ["i32", "i32"] });
  emitEnter(enter);
  const move = m.function("lru_move", { params: ["i32", "i32", "i32"] });
  emitMove(move, unlink, enter);
  const moveToFree = m.function("lru_move_to_free", { params: ["i32", "i32", "i32", "i32"] });
  emitMoveToFree(moveToFree, unlink, enter);
  const rotate = m.function("lru_rotate", { params: ["i32"] });
  emitRotateActive(rotate, move, scans);
  emitRotateInactive(rotate, move, scans);
  return { unlink, enter, move, moveToFree, rotate };
}

/** Emits the head of a list of the type that a number names. */
export function emitHead(f: FunctionBuilder, list: Local, type: number): FunctionBuilder {
  return f
    .get(list)
    .i32.const(LruList.HEADS + LINK_SIZE * type)
    .i32.add();
}

/** Emits a lock, or unlock, of a list of either kind, where several executors may be at work. */
export function emitListLock(
  f: FunctionBuilder,
  memory: MemoryImports,
  name: "lock" | "unlock",
  list: Local,
): void {
  emitParallel(f).if(() => f.get(list).call(memory.function(name)));
}

/** Emits a walk through a list from its end; `step` may take the node out of it, and leave by `done`. */
export function emitBackwards(
  f: FunctionBuilder,
  head: Local,
  node: Local,
  step: (done: Label) => void,
): void {
  const before = f.local("i32", "node_before");
  f.get(head).i32.load(Link.BEFORE).set(node);
  f.block((done) => {
    f.loop((again) => {
      f.get(node).get(head).i32.eq().brIf(done);
      f.get(node).i32.load(Link.BEFORE).set(before);
      step(done);
      f.get(before).set(node).br(again);
    });
  });
}

function emitUnlink(f: FunctionBuilder): void {
  const [node] = f.params as [Local];
  f.get(node).i32.load(Link.BEFORE).get(node).i32.load(Link.BEHIND).i32.store(Link.BEHIND);
  f.get(node).i32.load(Link.BEHIND).get(node).i32.load(Link.BEFORE).i32.store(Link.BEFORE);
}

function emitEnter(f: FunctionBuilder): void {
  const [node, head] = f.params as [Local, Local];
  const first = f.local("i32", "first");
  f.get(head).i32.load(Link.BEHIND).set(first);
  f.get(node).get(head).i32.store(Link.BEFORE);
  f.get(node).get(first).i32.store(Link.BEHIND);
  f.get(first).get(node).i32.store(Link.BEFORE);
  f.get(head).get(node).i32.store(Link.BEHIND);
}

/** Emits the head of a list of the type that a local has. */
export function emitHeadOf(f: FunctionBuilder, list: Local, type: Local): FunctionBuilder {
  f.get(list).get(type).i32.const(Math.log2(LINK_SIZE)).i32.shl().i32.add();
  return f.i32.const(LruList.HEADS).i32.add();
}

/** Emits a change of the number of nodes of a type. */
export function emitCountOf(f: FunctionBuilder, list: Local, type: Local, by: number): void {
  const count = f.local("i32", "count_at");
  f.get(type).i32.const(2).i32.shl().get(list).i32.add().tee(count);
  f.get(count).i32.load(LruList.COUNTS).i32.const(by).i32.add().i32.store(LruList.COUNTS);
}

/** A node that leaves its place must not be where the rotation goes on. */
function emitRotationPast(f: FunctionBuilder, list: Local, node: Local): void {
  f.get(list).i32.load(LruList.ROTATION).get(node).i32.eq();
  f.if(() => f.get(list).get(node).i32.load(Link.BEFORE).i32.store(LruList.ROTATION));
}

function emitMove(f: FunctionBuilder, unlink: Func, enter: Func): void {
  const [list, node, type] = f.params as [Local, Local, Local];
  const old = f.local("i32", "old_type");
  f.get(node).i32.load8U(LruNode.TYPE).tee(old).get(type).i32.ne();
  f.if(() => {
    emitCountOf(f, list, old, -1);
    emitCountOf(f, list, type, 1);
    f.get(node).get(type).i32.store8(LruNode.TYPE);
  });
  f.get(node).i32.const(0).i32.store8(LruNode.REF);
  emitRotationPast(f, list, node);
  f.get(node).call(unlink).get(node);
  emitHeadOf(f, list, type).call(enter);
}

function emitMoveToFree(f: FunctionBuilder, unlink: Func, enter: Func): void {
  const [list, node, head, type] = f.params as [Local, Local, Local, Local];
  const old = f.local("i32", "old_type");
  emitRotationPast(f, list, node);
  f.get(node).i32.load8U(LruNode.TYPE).set(old);
  emitCountOf(f, list, old, -1);
  f.get(node).get(type).i32.store8(LruNode.TYPE);
  f.get(node).call(unlink).get(node).get(head).call(enter);
}

/** `__bpf_lru_list_rotate_active`, where the inactive list has fewer nodes than the active one. */
function emitRotateActive(f: FunctionBuilder, move: Func, scans: number): void {
  const [list] = f.params as [Local];
  const head = f.local("i32", "active");
  const first = f.local("i32", "first_active");
  const node = f.local("i32", "active_node");
  const seen = f.local("i32", "active_seen");
  f.get(list).i32.load(LruList.COUNTS + 4 * NodeType.INACTIVE);
  f.get(list)
    .i32.load(LruList.COUNTS + 4 * NodeType.ACTIVE)
    .i32.ltU();
  f.if(() => {
    emitHead(f, list, NodeType.ACTIVE).tee(head).i32.load(Link.BEHIND).set(first);
    emitBackwards(f, head, node, (done) => {
      f.get(list).get(node);
      f.i32.const(NodeType.ACTIVE).i32.const(NodeType.INACTIVE).get(node).i32.load8U(LruNode.REF);
      f.select().call(move);
      f.get(seen).i32.const(1).i32.add().tee(seen).i32.const(scans).i32.eq().brIf(done);
      f.get(node).get(first).i32.eq().brIf(done);
    });
  });
}

/** `__bpf_lru_list_rotate_inactive`: used nodes become active, and the others stay where they are. */
function emitRotateInactive(f: FunctionBuilder, move: Func, scans: number): void {
  const [list] = f.params as [Local];
  const head = f.local("i32", "inactive");
  const last = f.local("i32", "last");
  const at = f.local("i32", "at");
  const next = f.local("i32", "next");
  const seen = f.local("i32", "inactive_seen");
  emitHead(f, list, NodeType.INACTIVE).tee(head).tee(next).i32.load(Link.BEHIND).get(head).i32.eq();
  f.if(() => f.return());
  f.get(list).i32.load(LruList.ROTATION).tee(at).i32.load(Link.BEHIND).tee(last).get(head).i32.eq();
  f.if(() => f.get(last).i32.load(Link.BEHIND).set(last));
  f.block((done) => {
    f.loop((again) => {
      f.get(seen).i32.const(scans).i32.geU().brIf(done);
      f.get(at).get(head).i32.eq();
      f.if(() => f.get(at).i32.load(Link.BEFORE).set(at).br(again));
      f.get(at).i32.load(Link.BEFORE).set(next);
      f.get(at).i32.load8U(LruNode.REF);
      f.if(() => f.get(list).get(at).i32.const(NodeType.ACTIVE).call(move));
      f.get(at).get(last).i32.eq().brIf(done);
      f.get(next).set(at);
      f.get(seen).i32.const(1).i32.add().set(seen).br(again);
    });
  });
  f.get(list).get(next).i32.store(LruList.ROTATION);
}
