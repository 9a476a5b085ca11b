import { ModuleBuilder, printModule } from "../src/wasm/index.ts";
import type { Benchmark } from "./frame.ts";

const FUNCTIONS = 100;
const STEPS = 200;
/** Instructions of a step, see {@link emit}. */
const PER_STEP = 9;
const INSTRUCTIONS = FUNCTIONS * STEPS * PER_STEP;

/** A module of many functions of loads, arithmetic, blocks and branches. */
function emit(check: boolean): Uint8Array {
  const m = new ModuleBuilder({ check });
  m.memory({ min: 1, max: 1 });
  for (let i = 0; i < FUNCTIONS; i++) {
    const f = m.function(`f${i}`, { params: ["i32"], results: ["i64"] }, { export: true });
    const [at] = f.params;
    const sum = f.local("i64");
    for (let step = 0; step < STEPS; step++) {
      f.block((done) => {
        f.get(at!).brIf(done);
        f.get(at!)
          .i64.load(step * 8)
          .get(sum)
          .i64.add()
          .set(sum);
      });
    }
    f.get(sum);
  }
  return m.finish();
}

function counted(work: () => unknown): () => number {
  return () => {
    work();
    return INSTRUCTIONS;
  };
}

export const WASM_BENCHMARKS: readonly Benchmark[] = [
  {
    name: "wasm.emit",
    operation: "instruction",
    candidates() {
      const bytes = emit(false);
      return [
        { name: "ModuleBuilder", run: counted(() => emit(false)) },
        { name: "ModuleBuilder, checking", run: counted(() => emit(true)) },
        {
          name: "V8 validates the result",
          run: counted(() => WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)),
        },
      ];
    },
  },
  {
    name: "wasm.print",
    operation: "instruction",
    candidates() {
      const bytes = emit(false);
      return [{ name: "printModule", run: counted(() => printModule(bytes)) }];
    },
  },
];
