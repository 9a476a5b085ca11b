import type { MemoryImports } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitCopy } from "./emit-bytes.ts";
import { emitBitOf, emitKeyBits, emitTrieMatch } from "./emit-trie-match.ts";
import { emitTrieNodes } from "./emit-trie-nodes.ts";
import { emitTrieDelete, emitTrieUpdate } from "./emit-trie-update.ts";
import { MapField } from "./map-header.ts";
import { emitHeader, type MapOperand } from "./map-operand.ts";
import { TRIE_KEY_DATA, TrieNode, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** What `emitTrie` emits into. */
export interface TrieParts {
  readonly module: ModuleBuilder;
  readonly memory: MemoryImports;
  /** Emits the map of a function's first parameter. */
  readonly operand: (f: FunctionBuilder) => MapOperand;
}

/**
 * Tries of prefixes (`trie_map_ops`). A node stands for a prefix, and its children for longer ones that begin with it;
 * an *intermediate* node has no value, and is there because two others part at it.
 */
export function emitTrie(
  shape: MapShape,
  operations: Readonly<Record<"lookup" | "update" | "delete" | "nextKey", FunctionBuilder>>,
  { module, memory, operand }: TrieParts,
): void {
  const match = emitTrieMatch(module, shape);
  const nodes = emitTrieNodes(module, shape, memory);
  const { lookup, update, delete: remove, nextKey } = operations;
  emitLookup(lookup, shape, operand(lookup), match);
  emitTrieUpdate(update, shape, operand(update), { memory, match, nodes });
  emitTrieDelete(remove, shape, operand(remove), { memory, match, nodes });
  emitNextKey(nextKey, shape, operand(nextKey), match);
}

/** `trie_lookup_elem`: the longest prefix of the key that there is a value for. */
function emitLookup(f: FunctionBuilder, shape: MapShape, map: MapOperand, match: Func): void {
  const [, key] = f.params as [Local, Local];
  const node = f.local("i32", "node");
  const found = f.local("i32", "found");
  const asked = f.local("i32", "asked");
  const prefix = f.local("i32", "prefix");
  const longest = 8 * (shape.keySize - TRIE_KEY_DATA);
  f.get(key).i32.load(0, 1).tee(asked).i32.const(longest).i32.gtU();
  f.if(() => f.i32.const(0).return());
  const bits = emitKeyBits(f, shape, match);
  emitHeader(f, map).i32.atomicLoad(MapField.ROOT).set(node);
  f.block((done) => {
    f.loop((again) => {
      f.get(node).i32.eqz().brIf(done);
      f.get(node).i32.load(TrieNode.PREFIX).tee(prefix).get(asked).i32.gtU().brIf(done);
      bits.equal(node);
      f.get(prefix).i32.ltU().brIf(done);
      f.get(node).get(found).get(node).i32.load(TrieNode.FLAGS).i32.eqz().select().set(found);
      f.get(prefix).i32.const(longest).i32.eq().brIf(done);
      emitChild(f, node, () => bits.at(prefix))
        .set(node)
        .br(again);
    });
  });
  f.get(found).i32.eqz();
  f.if(() => f.i32.const(0).return());
  f.get(found).i32.const(valueAt(shape)).i32.add();
}

/** Emits the child of a node on the side that `bit` pushes. */
function emitChild(f: FunctionBuilder, node: Local, bit: () => void): FunctionBuilder {
  bit();
  return f.i32.const(2).i32.shl().get(node).i32.add().i32.atomicLoad(TrieNode.CHILDREN);
}

/**
 * `trie_get_next_key`: longer prefixes come before those that they begin with. Where the way down goes to the left,
 * what is on the right comes next; elsewhere the node that is left behind does.
 */
function emitNextKey(f: FunctionBuilder, shape: MapShape, map: MapOperand, match: Func): void {
  const [, key, next] = f.params as [Local, Local, Local];
  const root = f.local("i32", "root");
  const node = f.local("i32", "node");
  const search = f.local("i32", "search");
  const after = f.local("i32", "after");
  const prefix = f.local("i32", "prefix");
  const bit = f.local("i32", "bit");
  const longest = 8 * (shape.keySize - TRIE_KEY_DATA);
  emitHeader(f, map).i32.atomicLoad(MapField.ROOT).tee(root).i32.eqz();
  f.if(() => f.i32.const(-Errno.ENOENT).return());
  f.get(root).set(search);
  f.block((leftmost) => {
    f.get(key).i32.eqz().brIf(leftmost);
    f.get(key).i32.load(0, 1).i32.const(longest).i32.gtU().brIf(leftmost);
    f.get(root).set(node);
    f.i32.const(0).set(search);
    f.block((missing) => {
      f.block((exact) => {
        f.loop((again) => {
          f.get(node).i32.eqz().brIf(missing);
          f.get(node).get(key).call(match);
          f.get(node).i32.load(TrieNode.PREFIX).tee(prefix).i32.ne().brIf(missing);
          f.get(prefix).get(key).i32.load(0, 1).i32.eq().brIf(exact);
          emitBitOf(f, key, TRIE_KEY_DATA, prefix).tee(bit).i32.eqz();
          f.get(node)
            .i32.atomicLoad(TrieNode.CHILDREN + 4)
            .i32.const(0)
            .i32.ne()
            .i32.and();
          f.if(
            () => {
              f.get(node)
                .i32.atomicLoad(TrieNode.CHILDREN + 4)
                .set(search);
              f.i32.const(0).set(after);
            },
            () => {
              f.get(node).i32.load(TrieNode.FLAGS).i32.eqz();
              f.if(() => f.get(node).set(after).i32.const(0).set(search));
            },
          );
          emitChild(f, node, () => f.get(bit))
            .set(node)
            .br(again);
        });
      });
      f.get(node).i32.load(TrieNode.FLAGS).brIf(missing);
      f.get(after).get(search).i32.or().brIf(leftmost);
      f.i32.const(-Errno.ENOENT).return();
    });
    f.i32.const(0).set(after);
    f.get(root).set(search);
  });
  f.block((done) => {
    f.loop((again) => {
      f.get(search).i32.eqz().brIf(done);
      f.get(search).i32.load(TrieNode.FLAGS);
      f.if(
        () => f.get(search).i32.atomicLoad(TrieNode.CHILDREN).set(search),
        () => {
          f.get(search).tee(after).i32.atomicLoad(TrieNode.CHILDREN).tee(search).i32.eqz();
          f.if(() =>
            f
              .get(after)
              .i32.atomicLoad(TrieNode.CHILDREN + 4)
              .set(search),
          );
        },
      );
      f.br(again);
    });
  });
  f.get(next).get(after).i32.load(TrieNode.PREFIX).i32.store(0, 1);
  emitCopy(
    f,
    { base: next, plus: TRIE_KEY_DATA },
    { base: after, plus: TrieNode.DATA },
    shape.keySize - TRIE_KEY_DATA,
  );
  f.i32.const(0);
}
