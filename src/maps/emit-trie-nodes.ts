import { emitEpoch, emitPassed, type MemoryImports } from "../mem/index.ts";
import type { Func, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitPool } from "./emit-pool.ts";
import { MapField } from "./map-header.ts";
import { TrieNode } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** The emitted functions over the nodes of a trie, by the header of their map. The trie's lock is held. */
export interface TrieNodes {
  /** `(header) → node | 0` */
  readonly take: Func;
  /** `(header, node)`: of one that nobody has found. */
  readonly give: Func;
  /** `(header, node)`: of one that was taken out, and that others may stand on (`bpf_mem_cache_free_rcu`). */
  readonly retire: Func;
}

/**
 * Emits the nodes' functions. A node that was taken out is in limbo, in a queue, until the epoch has moved on far
 * enough. Epochs move only where a block of the memory waits for it: one is retired with the first node of each.
 */
export function emitTrieNodes(m: ModuleBuilder, shape: MapShape, memory: MemoryImports): TrieNodes {
  const pool = emitPool(m, shape, memory);
  const take = m.function("trie_take", { params: ["i32"], results: ["i32"] });
  const retire = m.function("trie_retire", { params: ["i32", "i32"] });

  const [header] = take.params as [Local];
  const first = take.local("i32", "first");
  const stamp = take.local("i32", "stamp");
  take.get(header).i32.load(MapField.LIMBO).tee(first);
  take.if(() => {
    take.get(first).i32.load(TrieNode.EPOCH).set(stamp);
    emitPassed(take, stamp).if(() => {
      take.get(header).get(first).i32.load(TrieNode.NEXT).i32.store(MapField.LIMBO);
      take.get(first).return();
    });
  });
  take.get(header).call(pool.take);

  const [owner, node] = retire.params as [Local, Local];
  const epoch = retire.local("i32", "epoch");
  const block = retire.local("i32", "block");
  retire.get(node);
  emitEpoch(retire).tee(epoch).i32.store(TrieNode.EPOCH);
  retire.get(node).i32.const(0).i32.store(TrieNode.NEXT);
  retire.get(owner).i32.load(MapField.LIMBO);
  retire.if(
    () => retire.get(owner).i32.load(MapField.LIMBO_LAST).get(node).i32.store(TrieNode.NEXT),
    () => retire.get(owner).get(node).i32.store(MapField.LIMBO),
  );
  retire.get(owner).get(node).i32.store(MapField.LIMBO_LAST);
  retire.get(owner).i32.load(MapField.LIMBO_EPOCH).get(epoch).i32.ne();
  retire.if(() => {
    retire.get(owner).get(epoch).i32.store(MapField.LIMBO_EPOCH);
    retire.i32.const(8).i32.const(8).call(memory.function("alloc")).tee(block);
    retire.if(() => retire.get(block).call(memory.function("retire")).drop());
  });
  return { take, give: pool.give, retire };
}
