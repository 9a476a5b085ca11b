import type { InsnRow, OperationName } from "../../isa/index.ts";
import type { Arms } from "./arms.ts";
import { addrSpaceCast, binary, div, mod, mov, movsx, neg, sdiv, smod, swap, toLe } from "./emit-alu.ts";
import { loadAcquire, modify, storeRelease } from "./emit-atomic.ts";
import { callHelper, callLocal, callReg, exit } from "./emit-call.ts";
import { branch, ja, mayGoto } from "./emit-jump.ts";
import { load, store } from "./emit-memory.ts";

/** Emits the arm of the dispatch loop for one row of the instruction table. */
export type ArmEmitter = (arms: Arms, row: InsnRow) => void;

const nothing: ArmEmitter = (arms) => arms.f.br(arms.next);

/** An instruction that no engine input contains: predecoding refuses it, with the reason. */
const refused: ArmEmitter = (arms) => arms.raise("instruction");

/** How each operation is done: the rest (width, size, source, guard …) the row says. */
export const ARMS: { readonly [Name in OperationName]: ArmEmitter } = {
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
  percpuAddress: refused,
  ja,
  jeq: branch((ops) => ops.eq()),
  jne: branch((ops) => ops.ne()),
  jgt: branch((ops) => ops.gtU()),
  jge: branch((ops) => ops.geU()),
  jlt: branch((ops) => ops.ltU()),
  jle: branch((ops) => ops.leU()),
  jsgt: branch((ops) => ops.gtS()),
  jsge: branch((ops) => ops.geS()),
  jslt: branch((ops) => ops.ltS()),
  jsle: branch((ops) => ops.leS()),
  jset: branch((ops) => {
    ops.and();
    // Not zero, as an i32.
    ops.eqz().i32.eqz();
  }),
  mayGoto,
  callHelper,
  callLocal,
  // Predecoding makes calls of helpers of them.
  callKfunc: refused,
  callReg,
  exit,
  load,
  store,
  loadAbs: refused,
  loadInd: refused,
  atomicAdd: modify,
  atomicOr: modify,
  atomicAnd: modify,
  atomicXor: modify,
  xchg: modify,
  cmpxchg: modify,
  loadAcquire,
  storeRelease,
  loadImm64: (arms) => {
    const { f } = arms;
    arms.dst();
    f.get(arms.pc).i64.load(8).i64.store();
    // Two slots, one instruction.
    f.get(arms.pc).i32.const(16).i32.add().set(arms.pc);
    if (arms.options.checked) f.get(arms.credit).i32.const(16).i32.add().set(arms.credit);
    f.br(arms.next);
  },
  nospec: nothing,
};
