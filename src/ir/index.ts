export { Appender } from "./appender.ts";
export { binary, extendU, offsetOf, pointerOrNull, wrap } from "./fold.ts";
export { FRAME_BYTES, irOf, type SlotCall, type SlotFunction } from "./from-slots.ts";
export { IrFunction } from "./function.ts";
export { type Inlining, isInlinable } from "./inline.ts";
export { optimise } from "./optimise.ts";
export { printIr } from "./print.ts";
export { removeDead } from "./remove-dead.ts";
export type { CallKnowledge } from "./simplify.ts";
export {
  Block,
  type IrType,
  isClobber,
  isComparison,
  isPure,
  isRead,
  NONE,
  OP_NAMES,
  Op,
  type Phi,
  type Value,
} from "./value.ts";
export { ValueMaker } from "./value-maker.ts";
export { ValueTable } from "./value-table.ts";
