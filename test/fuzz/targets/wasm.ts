import { utf8 } from "../../../src/base/index.ts";
import { INSTRUCTIONS, ModuleBuilder, printModule } from "../../../src/wasm/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { demand } from "../oracle.ts";
import type { Target } from "../target.ts";

const TEXT_PER_BYTE = 400;

/** WebAssembly modules, printed. */
export const wasm: Target = {
  name: "wasm",
  corpus: () => [everything(), small(), manyBlocks()],
  mutate: mutateBytes,
  run(input) {
    const text = printModule(input);
    demand(text.length <= 4096 + TEXT_PER_BYTE * input.length, () => `${text.length} characters of text`);
    printModule(input, { function: "run" });
  },
};

/** Every section, and many instructions. */
function everything(): Uint8Array {
  const m = new ModuleBuilder({ name: "everything" });
  m.importMemory("env", "memory", { min: 1, max: 65536, shared: true });
  const trace = m.importFunction("env", "trace", { params: ["i32"] });
  const base = m.importGlobal("env", "base", "i32");
  const table = m.table({ min: 4, max: 8 });
  const counter = m.global("counter", "i64", { init: 0xffff_8000_0000_0000n, mutable: true });
  const run = m.function("run", { params: ["i32", "i64"], results: ["i64"] }, { export: "run" });
  m.elements(table, 1, [run, trace]);
  m.elements(table, base, [run]);
  m.data(65536, utf8('a"b\\\n'));
  m.passiveData(Uint8Array.of(0, 255));
  m.export("count", counter);
  const [p, x] = run.params;
  const key = run.local("i32", "key");
  const sum = run.local("i64", "key");
  run.block((done) => {
    run.get(p!).i32.load8U(12).tee(key).i32.const(-3).i32.ltU().brIf(done);
    run.get(key).if(
      () => run.loop((again) => run.get(key).brTable([again, done], again)),
      () => run.get(key).call(trace),
    );
  });
  run.get(p!).get(x!).i64.atomicRmw("add", 8).i64.const(0xffff_8000_0000_0001n).i64.and();
  run.get(p!).i64.load(4, 1).i64.add().tee(sum).br(run.exit);
  return m.finish();
}

function small(): Uint8Array {
  const m = new ModuleBuilder();
  m.memory({ min: 1, max: 2 });
  const run = m.function("run", { params: ["i32"], results: ["i32"] }, { export: true });
  run.get(run.params[0]!).i32.const(Object.keys(INSTRUCTIONS).length).i32.add();
  return m.finish();
}

function manyBlocks(): Uint8Array {
  const m = new ModuleBuilder();
  const run = m.function("run", { params: ["i32"] }, { export: true });
  const nest = (depth: number): void => {
    if (depth === 0) return;
    run.block((done) => {
      run.get(run.params[0]!).brIf(done);
      nest(depth - 1);
    });
  };
  nest(60);
  return m.finish();
}
