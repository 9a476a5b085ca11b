export { emitSwap32 } from "./byte-swap.ts";
export type {
  DataSegment,
  ElementSegment,
  Func,
  Global,
  Label,
  Local,
  Memory,
  Table,
} from "./entities.ts";
export { WasmError, WasmLimitError } from "./errors.ts";
export { FunctionBuilder } from "./function.ts";
export { INSTRUCTIONS, type Instruction, type InstructionName, instructionOf, OP } from "./instructions.ts";
export { type AtomicOperation, type Bits, I32Ops, I64Ops, IntegerOps } from "./integer-ops.ts";
export { LIMITS } from "./limits.ts";
export { ModuleBuilder, type ModuleOptions } from "./module.ts";
export type { GlobalInit, SegmentOffset } from "./parts.ts";
export {
  type FunctionListing,
  type ListedInstruction,
  listFunctions,
  type PrintOptions,
  printModule,
} from "./print.ts";
export type {
  BlockType,
  FuncType,
  Limits,
  MemoryLimits,
  ReferenceType,
  Signature,
  ValueType,
} from "./types.ts";
