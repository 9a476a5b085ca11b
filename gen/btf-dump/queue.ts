import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import { EMITTED } from "./definitions.ts";
import { body, bump, call, declare, during, ltU, set, variables } from "./expressions.ts";
import type { Output } from "./lines.ts";
import type { DumpMemory } from "./memory.ts";
import { ORDERED } from "./order.ts";

/**
 * Exports `start()`, `define_queue(length)`, which writes the first definitions of the queue, and `finish()`. Void is
 * in order and defined from the start.
 */
export function emitQueue(
  m: ModuleBuilder,
  memory: DumpMemory,
  define: Func,
  markReferenced: Func,
  output: Output,
): void {
  const f = declare(m, "define_queue", ["i32"]);
  const [length] = f.params;
  const { i, done } = variables(f, "i32", "i", "done");
  body(f, during(ltU(i, length!), [set(done, call(define, memory.queue.at(i), 0)), bump(i, 1)]));
  const start = declare(m, "start", []);
  body(
    start,
    set(output.cursor, memory.out.address),
    memory.orderStates.set(0, ORDERED),
    memory.states.set(0, EMITTED),
    memory.settled.set(0, 1),
    call(markReferenced),
  );
  m.export("start", start);
  const finish = declare(m, "finish", []);
  body(finish, output.flush);
  m.export("define_queue", f).export("finish", finish);
}
