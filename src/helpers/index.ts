export type {
  ArgumentCheck,
  EmitEnvironment,
  EmittedBody,
  Helper,
  HelperCall,
  HostBody,
  ValueKind,
} from "./helper.ts";
export type { ContextKind } from "./perf-event.ts";
export type { CurrentTask, HelperServices } from "./services.ts";
export { createHelpers } from "./table.ts";
