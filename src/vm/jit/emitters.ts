import { Operation, type OperationName } from "../../isa/index.ts";
import {
  addrSpaceCast,
  binary,
  div,
  type InsnEmitter,
  mod,
  mov,
  movsx,
  neg,
  sdiv,
  smod,
  swap,
  toLe,
} from "./emit-alu.ts";
import { loadAcquire, modify, storeRelease } from "./emit-atomic.ts";
import { load, store } from "./emit-memory.ts";

/** How each operation is done that neither jumps nor calls: the rest (width, size, source, guard …) the row says. */
const EMITTERS: { readonly [Name in OperationName]?: InsnEmitter } = {
  add: binary((ops) => ops.add()),
  sub: binary((ops) => ops.sub()),
  mul: binary((ops) => ops.mul()),
  div,
  sdiv,
  mod,
  smod,
  or: binary((ops) => ops.or()),
  and: binary((ops) => ops.and()),
  xor: binary((ops) => ops.xor()),
  // Wasm takes shift counts modulo the width, as RFC 9669 does.
  lsh: binary((ops) => ops.shl()),
  rsh: binary((ops) => ops.shrU()),
  arsh: binary((ops) => ops.shrS()),
  mov,
  movsx,
  neg,
  toLe,
  toBe: swap,
  bswap: swap,
  addrSpaceCast,
  load,
  store,
  atomicAdd: modify,
  atomicOr: modify,
  atomicAnd: modify,
  atomicXor: modify,
  xchg: modify,
  cmpxchg: modify,
  loadAcquire,
  storeRelease,
  nospec: () => undefined,
};

/** By number of the operation. */
export const EMITTER_OF: readonly (InsnEmitter | undefined)[] = Object.keys(Operation).map(
  (name) => EMITTERS[name as OperationName],
);
