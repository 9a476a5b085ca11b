import type { EventMachine } from "../hooks/event-machine.ts";
import { KernelStruct } from "../kernel-struct.ts";

/** A struct that programs see only for the length of one run. */
export function withStruct<T>(
  machine: Pick<EventMachine, "contexts" | "layout" | "memory">,
  type: string,
  act: (struct: KernelStruct) => T,
): T {
  const { contexts, layout, memory } = machine;
  return contexts.use(layout.sizeOf(type), (offset) => act(new KernelStruct(memory, layout, type, offset)));
}
