export { isConst, isConstOf } from "./constants.ts";
export { binary, extendU, offsetOf, pointerOrNull, wrap } from "./fold.ts";
export { FRAME_BYTES, irOf, type SlotCall, type SlotFunction } from "./from-slots.ts";
export { Appender, IrFunction } from "./function.ts";
export { placeOf } from "./memory-state.ts";
export { optimise } from "./optimise.ts";
export { printIr } from "./print.ts";
export type { CallKnowledge } from "./simplify.ts";
export { Block, type IrType, isComparison, isPure, isRead, OP_NAMES, Op, Value } from "./value.ts";
