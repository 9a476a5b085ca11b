import type { MemoryImports } from "../mem/index.ts";
import { BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder } from "../wasm/index.ts";
import { emitBloomFilter } from "./emit-bloom.ts";
import { type ContainerFunctions, emitQueue } from "./emit-queue.ts";
import type { MapOperand } from "./map-operand.ts";
import type { MapShape } from "./operations.ts";

/** Maps whose values have no keys: the operations of others refuse. */
export function emitContainer(
  shape: MapShape,
  operations: Readonly<Record<"lookup" | "update" | "delete" | "nextKey", FunctionBuilder>>,
  own: ContainerFunctions,
  parts: { readonly memory: MemoryImports; readonly operand: (f: FunctionBuilder) => MapOperand },
): void {
  const { lookup, update, delete: remove, nextKey } = operations;
  const filter = shape.type === BpfMapType.BLOOM_FILTER;
  lookup.i32.const(0);
  update.i32.const(-Errno.EINVAL);
  for (const f of [remove, nextKey]) f.i32.const(filter ? -Errno.EOPNOTSUPP : -Errno.EINVAL);
  if (filter) emitBloomFilter(shape, own, parts.operand);
  else emitQueue(shape, own, parts.operand, parts.memory);
}
