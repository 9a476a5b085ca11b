import type { Func, FunctionBuilder, Local } from "../wasm/index.ts";
import { emitClear } from "./emit-bytes.ts";
import { emitValueOf, type HashSearch } from "./emit-hash-find.ts";
import { comparesHash, emitKeyStore } from "./emit-key.ts";
import { emitClearSpecial, emitCopyValue, emitFreeFields } from "./emit-value.ts";
import { MapField } from "./map-header.ts";
import { emitFixed, type MapOperand } from "./map-operand.ts";
import { ElementField, isPerCpuType, rounded, valueAt } from "./map-shape.ts";
import type { MapShape } from "./operations.ts";

/** Emits key and hash of a new element. */
export function emitKeyOf(f: FunctionBuilder, search: HashSearch, fresh: Local): void {
  emitKeyStore(f, search.key, { base: fresh, plus: ElementField.KEY });
  if (comparesHash(search.key.size)) f.get(fresh).get(search.hash).i32.store(ElementField.HASH);
}

/** Emits the value of a new element: for per-CPU types `cpu`'s, and zero for all others (`pcpu_init_value`). */
export function emitNewValue(
  f: FunctionBuilder,
  parts: { shape: MapShape; map: MapOperand; value: Local; cpu: Local; fresh: Local },
): void {
  const { shape, map, value, cpu, fresh } = parts;
  if (!isPerCpuType(shape.type)) {
    const target = { base: fresh, plus: valueAt(shape) };
    emitCopyValue(f, shape, target, { base: value, plus: 0 });
    emitClearSpecial(f, shape, target);
    return;
  }
  const at = f.local("i32", "value_at");
  const left = f.local("i32", "cpus_left");
  f.get(fresh).i32.load(valueAt(shape)).set(at);
  emitFixed(f, map, MapField.CPUS).set(left);
  f.loop((again) => {
    emitClear(f, { base: at, plus: 0 }, rounded(shape.valueSize));
    f.get(at)
      .get(fresh)
      .i32.load(valueAt(shape) + 4)
      .i32.add()
      .set(at);
    f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
  });
  emitValueOf(f, shape, fresh, cpu).set(at);
  emitCopyValue(f, shape, { base: at, plus: 0 }, { base: value, plus: 0 });
}

/** Emits the end of what the values of an element own, of every CPU. */
export function emitFreeElement(
  f: FunctionBuilder,
  shape: MapShape,
  map: MapOperand,
  element: Local,
  freeFields: Func | null,
): void {
  if (freeFields === null) return;
  if (!isPerCpuType(shape.type)) {
    emitFreeFields(f, map, freeFields, () => f.get(element).i32.const(valueAt(shape)).i32.add());
    return;
  }
  const value = f.local("i32", "value_of_cpu");
  const left = f.local("i32", "cpus_to_free");
  f.get(element).i32.load(valueAt(shape)).set(value);
  emitFixed(f, map, MapField.CPUS).set(left);
  f.loop((again) => {
    emitFreeFields(f, map, freeFields, () => f.get(value));
    f.get(value)
      .get(element)
      .i32.load(valueAt(shape) + 4)
      .i32.add()
      .set(value);
    f.get(left).i32.const(1).i32.sub().tee(left).brIf(again);
  });
}
