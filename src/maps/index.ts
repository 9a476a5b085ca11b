export { ArenaField, ArenaPages, PAGE_SHIFT } from "./arena.ts";
export { checkMapAttributes } from "./check-attributes.ts";
export { createMap, entriesOf, filterBits } from "./create-map.ts";
export { emitArrayElement } from "./emit-array.ts";
export { BUCKET_SIZE, BucketField } from "./emit-hash-find.ts";
export {
  emitLookup,
  emitMapModule,
  emitMapOperations,
  MAP_OPERATIONS,
  type MapOperationFunctions,
  type MapOperationName,
} from "./emit-map-module.ts";
export { emitSpinLock, emitSpinUnlock } from "./emit-value.ts";
export { LocalStorage } from "./local-storage.ts";
export type { MapAttributes } from "./map-attributes.ts";
export { type FunctionTable, MapCode, type OperationIndices } from "./map-code.ts";
export { MAP_HEADER_SIZE, MapField, MapOperationSlot } from "./map-header.ts";
export { constantMap, emitMapOperand, type MapOperand } from "./map-operand.ts";
export {
  ElementField,
  isArrayType,
  isCgroupStorage,
  isContainer,
  isDeviceMap,
  isHashType,
  isLocalStorage,
  isLruType,
  isMapOfMaps,
  isPerCpuType,
  isRedirectMap,
  isSocketMap,
  shapeName,
  shapeOf,
} from "./map-shape.ts";
export type { FreeFields, MapOperations, MapShape, SpecialShape } from "./operations.ts";
export { RING_DATA, RingField, RingRecord, takeRecords } from "./ring.ts";
export type { SocketLayout } from "./socket-fields.ts";
export {
  Pointee,
  RecordBlocks,
  RecordField,
  type SpecialFields,
} from "./special-fields.ts";
export {
  type FilePlace,
  MAX_STACK_DEPTH,
  StackBuildId,
  StackTraces,
  writeBuildId,
} from "./stack-traces.ts";
export type { MapEnvironment, MapStorage } from "./storage.ts";
