import { BpfFuncId, Errno } from "../uapi/index.ts";
import type { FunctionBuilder } from "../wasm/index.ts";
import { emittedHelper } from "./define.ts";
import type { Helper } from "./helper.ts";

/** `SK_DROP` */
const DROP = 0;

const drop = (f: FunctionBuilder) => f.i32.const(DROP);

/**
 * Helpers that give data, or a connection, to a socket in a map. Nothing here runs the programs that may call them: no
 * data goes through sockets, and no program chooses among those that share an address.
 */
export const SOCKET_MAP_HELPERS: readonly Helper[] = [
  emittedHelper(BpfFuncId.sk_select_reuseport, { args: ["ptr", "ptr", "ptr", "i32"], result: "i32" }, (f) =>
    f.i32.const(-Errno.ENOENT),
  ),
  emittedHelper(BpfFuncId.sk_redirect_map, { args: ["ptr", "ptr", "i32", "i64"], result: "i32" }, drop),
  emittedHelper(BpfFuncId.sk_redirect_hash, { args: ["ptr", "ptr", "ptr", "i64"], result: "i32" }, drop),
  emittedHelper(BpfFuncId.msg_redirect_map, { args: ["ptr", "ptr", "i32", "i64"], result: "i32" }, drop),
  emittedHelper(BpfFuncId.msg_redirect_hash, { args: ["ptr", "ptr", "ptr", "i64"], result: "i32" }, drop),
];
