import { describe, expect, it } from "vitest";
import {
  constantMap,
  createMap,
  emitLookup,
  emitMapModule,
  emitMapOperations,
  type FunctionTable,
  MAP_HEADER_SIZE,
  MAP_OPERATIONS,
  MapCode,
  MapField,
  MapOperationSlot,
  type MapShape,
} from "../../src/maps/index.ts";
import { createKernelMemory, MEMORY_NAMESPACE, MemoryImports } from "../../src/mem/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { type Local, ModuleBuilder } from "../../src/wasm/index.ts";
import { attributes, keyOf, patternOf, TestMap } from "./support.ts";

const { HASH, ARRAY, PROG_ARRAY, PERCPU_HASH, PERCPU_ARRAY } = BpfMapType;

class Names implements FunctionTable {
  readonly table = new WebAssembly.Table({ element: "anyfunc", initial: 64 });
  readonly #indices = new Map<string, number>();

  index(name: string): number {
    const known = this.#indices.get(name) ?? this.#indices.size + 1;
    this.#indices.set(name, known);
    return known;
  }
}

describe("compiled shapes", () => {
  it("are valid modules for every size of key and value", () => {
    const sizes = [...Array.from({ length: 66 }, (_, i) => i + 1), 127, 128, 129, 135, 511, 512, 4096];
    for (const size of sizes) {
      for (const type of [HASH, PERCPU_HASH]) {
        for (const flags of [0, BpfMapFlag.NO_PREALLOC]) {
          const shape: MapShape = { type, keySize: size, valueSize: size, flags };
          const bytes = emitMapModule(shape, { maximumPages: 64, shared: true }, { check: true });
          expect(WebAssembly.validate(bytes)).toBe(true);
        }
      }
      for (const type of [ARRAY, PERCPU_ARRAY]) {
        const shape: MapShape = { type, keySize: 4, valueSize: size, flags: 0 };
        emitMapModule(shape, { maximumPages: 64, shared: true }, { check: true });
      }
    }
    emitMapModule(
      { type: PROG_ARRAY, keySize: 4, valueSize: 4, flags: 0 },
      { maximumPages: 64, shared: false },
    );
  });

  it("are compiled once, and stand in the table at the indices that the map's header names", () => {
    const memory = createKernelMemory({ maximumPages: 256 });
    const functions = new Names();
    const code = new MapCode(memory, functions);
    const create = () => {
      const map = createMap({ memory, cpus: 1, bpfMapSize: 200, random: () => 1, code }, attributes({}));
      if (typeof map === "number") throw new Error(`errno ${map}`);
      return map;
    };
    const [one, two] = [create(), create()];
    expect(code.operations(one.shape)).toBe(code.operations(two.shape));
    const word = (slot: number) =>
      memory.view().getUint32(one.offset - MAP_HEADER_SIZE + MapField.OPERATIONS + 4 * slot, true);
    const operations = code.operations(one.shape);
    expect(functions.table.get(word(MapOperationSlot.LOOKUP))).toBe(operations.lookup);
    expect(functions.table.get(word(MapOperationSlot.UPDATE))).toBe(operations.update);
    expect(functions.table.get(word(MapOperationSlot.DELETE))).toBe(operations.delete);
    expect(functions.table.get(word(MapOperationSlot.NEXT_KEY))).toBe(operations.nextKey);

    // A generic helper: whatever the map, through its header.
    const m = new ModuleBuilder({ check: true });
    const imports = new MemoryImports(m, memory);
    expect(imports.memory.imported).toBe(true);
    m.importTable("vm", "table", { min: 1 });
    const f = m.function("lookup", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
    const [map, key] = f.params as [Local, Local];
    f.get(map).get(key).i32.const(0);
    f.get(map).i32.const(MAP_HEADER_SIZE).i32.sub();
    f.i32.load(MapField.OPERATIONS + 4 * MapOperationSlot.LOOKUP).callIndirect(m.type(MAP_OPERATIONS.lookup));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
      ...memory.imports,
      vm: { table: functions.table },
    });
    const lookup = instance.exports["lookup"] as (map: number, key: number) => number;
    const keyAt = memory.alloc(16);
    memory.bytes().set(keyOf(7, 4), keyAt);
    expect(lookup(one.offset, keyAt)).toBe(0);
    operations.update(one.offset, keyAt, keyAt, 0, 0);
    expect(lookup(one.offset, keyAt)).toBe(operations.lookup(one.offset, keyAt, 0));
    expect(lookup(two.offset, keyAt)).toBe(0);
  });

  it("work in a memory that is not shared", () => {
    const map = new TestMap(attributes({}), createKernelMemory({ maximumPages: 64, shared: false }));
    for (let i = 0; i < 8; i++) expect(map.update(keyOf(i, 4), patternOf(i, 8))).toBe(0);
    expect(map.lookup(keyOf(5, 4))).toEqual(patternOf(5, 8));
    expect(map.delete(keyOf(5, 4))).toBe(0);
    expect(map.keys().length).toBe(7);
  });

  it("work in place on a constant map, beside the shared functions", () => {
    for (const type of [HASH, ARRAY, PERCPU_HASH, PERCPU_ARRAY]) {
      const map = new TestMap(attributes({ type, maxEntries: 32 }));
      const { memory, storage } = map;
      const m = new ModuleBuilder({ check: true });
      const imports = new MemoryImports(m, memory);
      const constant = constantMap(memory, storage.offset);
      const operations = emitMapOperations(m, imports, storage.shape, constant);
      m.export("update", operations.update);
      const f = m.function("lookup", { params: ["i32", "i32"], results: ["i32"] }, { export: true });
      const [key, cpu] = f.params as [Local, Local];
      const result = f.local("i32", "result");
      // Twice in one function: nothing remains of the first.
      emitLookup(f, storage.shape, constant, { key, cpu, result });
      expect(emitLookup(f, storage.shape, constant, { key, cpu, result })).toBe(true);
      f.get(result);
      const instance = new WebAssembly.Instance(new WebAssembly.Module(m.finish()), {
        [MEMORY_NAMESPACE]: memory.imports[MEMORY_NAMESPACE]!,
      });
      const lookup = instance.exports["lookup"] as (key: number, cpu: number) => number;
      const update = instance.exports["update"] as (...args: number[]) => number;
      const keyAt = memory.alloc(8);
      const value = memory.alloc(8);
      memory.bytes().set(patternOf(3, 8), value);
      for (let i = 0; i < 40; i++) {
        memory.bytes().set(keyOf(i, 4), keyAt);
        expect(update(0, keyAt, value, 0, 1)).toBe(i < 32 ? 0 : -7);
        expect(lookup(keyAt, 1) >>> 0).toBe(map.find(keyOf(i, 4), 1));
        expect(map.lookup(keyOf(i, 4), 1)).toEqual(i < 32 ? patternOf(3, 8) : null);
      }
    }
  });
});
