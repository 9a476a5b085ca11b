export { CodeError } from "./code-error.ts";
export type { CodeImage, CompiledProgram, Engine, EngineInput, Executor, Fault } from "./engine.ts";
export { BpfExecutor, createExecutor, type ExecutorOptions } from "./executor.ts";
export {
  createFrameDriver,
  type DriveFrames,
  emitFrameCopy,
  FRAME_RECORD_SIZE,
  FRAME_SLACK,
  type FramePlaces,
  SMALL_RESULTS,
} from "./frame-driver.ts";
export { FunctionIndices } from "./function-indices.ts";
export { Interpreter } from "./interp/interpreter.ts";
export { Jit, type JitOptions } from "./jit/jit.ts";
export { CALLBACK_SIGNATURE, CODE_BASE_HIGH, ENTRY_SIGNATURE } from "./signatures.ts";
export { Vm, VmFault, type VmHelper, type VmMemory, type VmOptions } from "./vm.ts";
