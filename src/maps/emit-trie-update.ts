import type { MemoryImports } from "../mem/index.ts";
import { BpfUpdateFlag, Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Label, Local } from "../wasm/index.ts";
import { emitLink } from "./emit-bucket.ts";
import { emitCopy } from "./emit-bytes.ts";
import { emitMapLock } from "./emit-map-lock.ts";
import { emitBitOf } from "./emit-trie-match.ts";
import type { TrieNodes } from "./emit-trie-nodes.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, emitHeader, type MapOperand } from "./map-operand.ts";
import { TRIE_KEY_DATA, TrieNode, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What the operations that change a trie call. */
export interface TrieUpdateParts {
  readonly memory: MemoryImports;
  /** `(node, key) → bits` */
  readonly match: Func;
  readonly nodes: TrieNodes;
}

/** Locals of a way down to where a key's node is, or would be. */
interface TriePath {
  readonly key: Local;
  /** The key's prefix length. */
  readonly prefix: Local;
  /** Where the way ends: 0, or a node that parts from the key or has its prefix length. */
  readonly node: Local;
  /** Bits that the node and the key begin with. */
  readonly matched: Local;
  /** Where the node's offset stands. */
  readonly slot: Local;
  /** The node before it, and where that one's offset stands. */
  readonly parent: Local;
  readonly parentSlot: Local;
}

/** Emits the check of a key's length; the function returns EINVAL for one that is too long. */
function emitKey(f: FunctionBuilder, shape: MapShape): TriePath {
  const key = f.params[1]!;
  const path: TriePath = {
    key,
    prefix: f.local("i32", "prefix"),
    node: f.local("i32", "node"),
    matched: f.local("i32", "matched"),
    slot: f.local("i32", "slot"),
    parent: f.local("i32", "parent"),
    parentSlot: f.local("i32", "parent_slot"),
  };
  f.get(key).i32.load(0, 1).tee(path.prefix);
  f.i32.const(8 * (shape.keySize - TRIE_KEY_DATA)).i32.gtU();
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  return path;
}

function emitPath(f: FunctionBuilder, map: MapOperand, path: TriePath, match: Func): void {
  const { key, prefix, node, matched, slot, parent, parentSlot } = path;
  const own = f.local("i32", "own_prefix");
  emitHeader(f, map).i32.const(MapField.ROOT).i32.add().tee(slot).set(parentSlot);
  f.block((end) => {
    f.loop((again) => {
      f.get(slot).i32.load().tee(node).i32.eqz().brIf(end);
      f.get(node).get(key).call(match).tee(matched);
      f.get(node).i32.load(TrieNode.PREFIX).tee(own).i32.ne().brIf(end);
      f.get(own).get(prefix).i32.eq().brIf(end);
      f.get(node).set(parent);
      f.get(slot).set(parentSlot);
      emitSide(f, node, () => emitBitOf(f, key, TRIE_KEY_DATA, own))
        .set(slot)
        .br(again);
    });
  });
}

/** Emits where the offset of a node's child stands, on the side that `bit` pushes. */
function emitSide(f: FunctionBuilder, node: Local, bit: () => void): FunctionBuilder {
  bit();
  return f.i32.const(2).i32.shl().get(node).i32.add().i32.const(TrieNode.CHILDREN).i32.add();
}

/** Emits the count of one entry more, or the reason why there is none (`trie_check_add_elem`). */
function emitAdd(
  f: FunctionBuilder,
  map: MapOperand,
  parts: { flags: Local; error: Local },
  out: Label,
): void {
  const { flags, error } = parts;
  f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.eq();
  f.if(() => f.i32.const(-Errno.ENOENT).set(error).br(out));
  emitHeader(f, map).i32.load(MapField.COUNT);
  emitFixed(f, map, MapField.MAX_ENTRIES).i32.eq();
  f.if(() => f.i32.const(-Errno.ENOSPC).set(error).br(out));
  emitCount(f, map, 1);
}

/** The lock is held: others only read the count. */
function emitCount(f: FunctionBuilder, map: MapOperand, by: number): void {
  emitHeader(f, map);
  emitHeader(f, map).i32.load(MapField.COUNT).i32.const(by).i32.add().i32.store(MapField.COUNT);
}

/** `trie_update_elem` */
export function emitTrieUpdate(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  { memory, match, nodes }: TrieUpdateParts,
): void {
  const [, , value, flags] = f.params as [Local, Local, Local, Local];
  const dataSize = shape.keySize - TRIE_KEY_DATA;
  const error = f.local("i32", "error");
  const fresh = f.local("i32", "fresh");
  const between = f.local("i32", "between");
  const bit = f.local("i32", "bit");
  f.get(flags).i32.const(BpfUpdateFlag.EXIST).i32.gtU();
  f.if(() => f.i32.const(-Errno.EINVAL).return());
  const path = emitKey(f, shape);
  const { key, prefix, node, matched, slot } = path;
  const noMemory = (out: Label) => f.if(() => f.i32.const(-Errno.ENOMEM).set(error).br(out));
  emitMapLock(f, memory, "lock", map);
  f.block((out) => {
    emitHeader(f, map).call(nodes.take).tee(fresh).i32.eqz();
    noMemory(out);
    f.get(fresh).get(prefix).i32.store(TrieNode.PREFIX);
    f.get(fresh).i32.const(0).i32.store(TrieNode.FLAGS);
    f.get(fresh).i64.const(0).i64.store(TrieNode.CHILDREN);
    emitCopy(f, { base: fresh, plus: TrieNode.DATA }, { base: key, plus: TRIE_KEY_DATA }, dataSize);
    emitCopy(f, { base: fresh, plus: valueAt(shape) }, { base: value, plus: 0 }, shape.valueSize);
    emitPath(f, map, path, match);
    f.get(node).i32.eqz();
    f.if(() => {
      emitAdd(f, map, { flags, error }, out);
      emitLink(f, slot, () => f.get(fresh));
      f.br(out);
    });
    f.get(node).i32.load(TrieNode.PREFIX).get(matched).i32.eq();
    f.if(() => {
      // The prefix is there: with a value that is replaced, or without one.
      f.get(node).i32.load(TrieNode.FLAGS);
      f.if(
        () => emitAdd(f, map, { flags, error }, out),
        () => {
          f.get(flags).i32.const(BpfUpdateFlag.NOEXIST).i32.eq();
          f.if(() => f.i32.const(-Errno.EEXIST).set(error).br(out));
        },
      );
      f.get(fresh).get(node).i64.load(TrieNode.CHILDREN).i64.store(TrieNode.CHILDREN);
      emitLink(f, slot, () => f.get(fresh));
      emitHeader(f, map).get(node).call(nodes.retire);
      f.br(out);
    });
    emitAdd(f, map, { flags, error }, out);
    f.get(matched).get(prefix).i32.eq();
    f.if(() => {
      // The node goes on where the key ends.
      emitSide(f, fresh, () => emitBitOf(f, node, TrieNode.DATA, matched))
        .get(node)
        .i32.store();
      emitLink(f, slot, () => f.get(fresh));
      f.br(out);
    });
    emitHeader(f, map).call(nodes.take).tee(between).i32.eqz();
    f.if(() => {
      emitCount(f, map, -1);
      f.i32.const(-Errno.ENOMEM).set(error).br(out);
    });
    f.get(between).get(matched).i32.store(TrieNode.PREFIX);
    f.get(between).i32.const(TrieNode.INTERMEDIATE).i32.store(TrieNode.FLAGS);
    emitCopy(f, { base: between, plus: TrieNode.DATA }, { base: node, plus: TrieNode.DATA }, dataSize);
    emitBitOf(f, key, TRIE_KEY_DATA, matched).set(bit);
    emitSide(f, between, () => f.get(bit))
      .get(fresh)
      .i32.store();
    emitSide(f, between, () => f.i32.const(1).get(bit).i32.sub())
      .get(node)
      .i32.store();
    emitLink(f, slot, () => f.get(between));
  });
  f.get(error).get(fresh).i32.const(0).i32.ne().i32.and();
  f.if(() => emitHeader(f, map).get(fresh).call(nodes.give));
  emitMapLock(f, memory, "unlock", map);
  f.get(error);
}

/** `trie_delete_elem` */
export function emitTrieDelete(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  { memory, match, nodes }: TrieUpdateParts,
): void {
  const path = emitKey(f, shape);
  const { prefix, node, matched, slot, parent, parentSlot } = path;
  const error = f.local("i32", "error");
  const left = f.local("i32", "left");
  const right = f.local("i32", "right");
  const child = (side: 0 | 1) => TrieNode.CHILDREN + 4 * side;
  const retire = (which: Local) => emitHeader(f, map).get(which).call(nodes.retire);
  emitMapLock(f, memory, "lock", map);
  emitPath(f, map, path, match);
  f.block((out) => {
    f.i32.const(-Errno.ENOENT).set(error);
    f.get(node).i32.eqz().brIf(out);
    f.get(node).i32.load(TrieNode.PREFIX).get(prefix).i32.ne().brIf(out);
    f.get(prefix).get(matched).i32.ne().brIf(out);
    f.get(node).i32.load(TrieNode.FLAGS).brIf(out);
    f.i32.const(0).set(error);
    emitCount(f, map, -1);
    f.get(node).i32.load(child(0)).set(left);
    f.get(node).i32.load(child(1)).set(right);
    f.get(left).i32.const(0).i32.ne().get(right).i32.const(0).i32.ne().i32.and();
    f.if(() => {
      // Two others part at it: it stays, without a value.
      f.get(node).i32.const(TrieNode.INTERMEDIATE).i32.store(TrieNode.FLAGS).br(out);
    });
    f.get(left).get(right).i32.or().i32.eqz().get(parent).i32.const(0).i32.ne().i32.and();
    f.if(() => {
      f.get(parent).i32.load(TrieNode.FLAGS);
      f.if(() => {
        // Nothing parts at the parent any more: its other child takes its place.
        emitLink(f, parentSlot, () => {
          f.get(parent).i32.load(child(1)).get(parent).i32.load(child(0));
          f.get(node).get(parent).i32.load(child(0)).i32.eq().select();
        });
        retire(parent);
        retire(node);
        f.br(out);
      });
    });
    emitLink(f, slot, () => f.get(left).get(right).i32.or());
    retire(node);
  });
  emitMapLock(f, memory, "unlock", map);
  f.get(error);
}
