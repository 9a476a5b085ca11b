export type { ContextKind } from "./context-kind.ts";
export type {
  ArgumentCheck,
  Callable,
  EmitEnvironment,
  EmittedBody,
  EngineBody,
  Helper,
  HelperCall,
  HostBody,
  Kfunc,
  ValueKind,
} from "./helper.ts";
export { createKfuncs } from "./kfunc-table.ts";
export type {
  CgroupDirectory,
  PacketMetadata,
  SocketDirectory,
  SocketQuery,
  SystemCalls,
  TaskDirectory,
  TaskPlace,
  UserArea,
} from "./object-services.ts";
export { freeValue } from "./objects/drop.ts";
export { initPerCpu, perCpuSize } from "./objects/per-cpu-object.ts";
export type {
  ArenaMemory,
  CurrentRun,
  CurrentTask,
  HelperServices,
  ObjectMemory,
  PerfAccess,
  PerfCounter,
  Session,
  TaskCgroup,
  TaskStacks,
  Timers,
} from "./services.ts";
export { hasFullState, RCU_FREE, SocketState } from "./socket-state.ts";
export { TICKS_PER_SECOND } from "./system.ts";
export { createHelpers } from "./table.ts";
export { FRAGMENT_OFFSET, XDP_HAS_FRAGMENTS } from "./xdp-buff.ts";
