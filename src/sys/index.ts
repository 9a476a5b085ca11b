export type {
  BtfLoadArguments,
  Flags,
  MapBatch,
  MapBatchArguments,
  MapCreateArguments,
  MapDeleteBatchArguments,
  MapGetFdByIdArguments,
  MapGetNextKeyArguments,
  MapKeyArguments,
  MapUpdateArguments,
  MapUpdateBatchArguments,
  ObjGetArguments,
  ObjPinArguments,
  ProgBindMapArguments,
  ProgLoadArguments,
  ProgLoadResult,
  ProgTestRunArguments,
  ProgTestRunResult,
} from "./arguments.ts";
export {
  type AttrField,
  type AttrInput,
  type AttrValues,
  attrOffset,
  attrSize,
  decodeAttr,
  encodeAttr,
} from "./attr.ts";
export { BpfCommands } from "./commands.ts";
export { Errno } from "./errno.ts";
export { type BtfInfo, btfInfo, type MapInfo, mapInfo, type ProgInfo, progInfo } from "./info.ts";
export { LentMemory } from "./lent-memory.ts";
export type {
  LinkCreateArguments,
  LinkUpdateArguments,
  ProgAttachArguments,
  ProgQueryArguments,
  ProgQueryResult,
  RawTracepointOpenArguments,
  TaskFdQueryResult,
} from "./link-arguments.ts";
export { Loans } from "./loans.ts";
export { PerfPage } from "./perf-page.ts";
export type { Mapping, Port, RingBatch, UserMemory } from "./port.ts";
export {
  decodeStruct,
  encodeStruct,
  type StructInput,
  type StructValues,
  writeStruct,
} from "./struct.ts";
export { TestRunCall } from "./test-run-call.ts";
