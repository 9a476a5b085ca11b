import { BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emitArrayNextKey } from "./emit-array.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";

/**
 * Maps of sockets (`sock_map_ops`, `sock_hash_ops`, `reuseport_array_ops`): nothing is ever in them, as the sockets
 * that a program sees are none that they take, and no descriptor is that of one.
 *
 * @param operand emits the map of a function's first parameter
 */
export function emitSocketMap(
  type: number,
  operations: Readonly<Record<"lookup" | "update" | "delete" | "nextKey", FunctionBuilder>>,
  operand: (f: FunctionBuilder) => MapOperand,
): void {
  const { lookup, update, delete: remove, nextKey } = operations;
  lookup.i32.const(0);
  // sock_map_sk_is_suitable
  update.i32.const(-Errno.EOPNOTSUPP);
  if (type === BpfMapType.SOCKHASH) {
    remove.i32.const(-Errno.ENOENT);
    nextKey.i32.const(-Errno.ENOENT);
    return;
  }
  emitArrayNextKey(nextKey, operand(nextKey));
  if (type === BpfMapType.SOCKMAP) {
    remove.i32.const(-Errno.EINVAL);
    return;
  }
  const index = remove.params[1] as Local;
  const map = operand(remove);
  remove.i32.const(-Errno.E2BIG).i32.const(-Errno.ENOENT).get(index).i32.load(0, 1);
  emitFixed(remove, map, MapField.MAX_ENTRIES).i32.geU().select();
}
