import type { EmitEnvironment } from "../helpers/index.ts";
import { interruptWord, type MemoryImports } from "../mem/index.ts";
import type { ModuleBuilder, Table } from "../wasm/index.ts";
import type { BpfExecutor } from "./executor.ts";
import { FaultCode, State } from "./state.ts";

/** What bodies of helpers are emitted with, in a module of an executor. */
export function createEnvironment(
  m: ModuleBuilder,
  { imports, table }: { readonly imports: MemoryImports; readonly table: Table },
  { id, stateAt, stackLow }: Pick<BpfExecutor, "id" | "stateAt" | "stackLow">,
  checked: boolean,
): EmitEnvironment {
  const state = (word: number) => stateAt + word;
  return {
    type: (signature) => m.type(signature),
    table,
    memory: imports,
    checked,
    cpu: (f) => f.i32.const(0).i32.load(state(State.CPU)),
    context: (f) => f.i32.const(0).i32.load(state(State.CONTEXT)),
    onStack: (f, size, use) => {
      const top = f.local("i32", "stack_top");
      const at = f.local("i32", "on_stack");
      f.i32.const(0).i32.load(state(State.STACK_TOP)).tee(top);
      // Frames begin at multiples of 16.
      size();
      f.i32.const(15).i32.add().i32.const(-16).i32.and().i32.sub().tee(at);
      f.i32.const(stackLow).i32.ltU();
      f.if(
        () => f.i32.const(0).i32.const(FaultCode.stack).i32.store(state(State.FAULT)),
        () => {
          f.i32.const(0).get(at).i32.store(state(State.STACK_TOP));
          use(at);
          f.i32.const(0).get(top).i32.store(state(State.STACK_TOP));
        },
      );
    },
    holdLock: (f, lock) => {
      f.i32.const(0);
      lock();
      f.i32.store(state(State.LOCK));
    },
    stopped: (f) =>
      f.i32.const(0).i32.load(state(State.FAULT)).i32.const(0).i32.load(interruptWord(id)).i32.or(),
  };
}
