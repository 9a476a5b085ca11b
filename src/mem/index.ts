export {
  Control,
  EXECUTOR_STRIDE,
  FIRST_EPOCH,
  interruptWord,
  LAST_EPOCH,
  MAX_EXECUTORS,
} from "./control.ts";
export {
  attachKernelMemory,
  createKernelMemory,
  type KernelMemoryOptions,
  type MemoryHandle,
  memoryHandle,
} from "./create-memory.ts";
export { emitEpoch, emitPassed } from "./emit-epochs.ts";
export { emitParallel } from "./emit-lock.ts";
export { emitEntryTest, type RegionTest } from "./emit-regions.ts";
export { emitLockVersion, emitUnlockVersion, VERSION_STEP } from "./emit-version-lock.ts";
export { BadFree } from "./emitted-memory.ts";
export { readKernel, readWord, writeKernel, writeWord } from "./kernel-bytes.ts";
export {
  addressOf,
  CONTROL,
  FIRST_OFFSET,
  HEAP,
  KERNEL_BASE,
  KERNEL_BASE_HIGH,
  offsetOf,
  PAGE_SIZE,
  WASM_PAGE,
} from "./layout.ts";
export {
  type KernelExecutors,
  type KernelMemory,
  type Region,
  RegionAccess,
  type Regions,
} from "./memory.ts";
export {
  importKernelMemory,
  MEMORY_FUNCTIONS,
  MEMORY_NAMESPACE,
  type MemoryFunctionName,
  type MemoryFunctions,
  MemoryImports,
  type MemoryKind,
} from "./memory-module.ts";
export { REGION_ENTRY_SIZE, REGION_TABLE_HEADER, RegionEntry } from "./region-entry.ts";
