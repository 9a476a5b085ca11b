import { MAP_HEADER_SIZE, MapField } from "../maps/index.ts";
import { KERNEL_BASE_HIGH, type MemoryImports, RegionAccess, RegionEntry } from "../mem/index.ts";
import type { Func, FunctionBuilder, Local, ModuleBuilder } from "../wasm/index.ts";
import { emitRegionEntry } from "./emit-locate.ts";
import { CODE_BASE_HIGH, EXECUTOR_NAMESPACE } from "./signatures.ts";
import { FaultCode, FRAME_STACK, REGISTER_SIZE, State, SUBPROGRAM } from "./state.ts";

/**
 * Functions that test an argument of a helper, 1 where it may be used. The last parameter is `helper << 3 | argument`,
 * for the fault that they leave in the state block.
 */
export interface ArgumentTests {
  /** `(window, size, write, id)` */
  readonly memory: Func;
  /** `(window, id)` */
  readonly map: Func;
  /** `(window, id)` */
  readonly context: Func;
  /** `(window, id)` */
  readonly callback: Func;
  readonly faultCode: number;
  /** Where a map's key size and value size are, from its address. */
  readonly keySizeAt: number;
  readonly valueSizeAt: number;
}

export function emitArgumentTests(
  m: ModuleBuilder,
  memory: MemoryImports,
  place: { readonly stateAt: number; readonly stackEnd: number },
): ArgumentTests {
  const regionCheck = memory.function("region_check");
  const refuse = m.function("refuse", { params: ["i32", "i32", "i32", "i32"], results: ["i32"] });
  emitRefuse(refuse, place.stateAt);
  const range = m.function("test_memory", { params: ["i32", "i32", "i32", "i32"], results: ["i32"] });
  emitMemoryTest(range, refuse, regionCheck, place.stackEnd);
  const map = m.function("test_map", { params: ["i32", "i32"], results: ["i32"] });
  emitMapTest(map, refuse, regionCheck);
  const context = m.function("test_context", { params: ["i32", "i32"], results: ["i32"] });
  emitContextTest(context, refuse, place.stateAt);
  const ownsCallback = m.importFunction(EXECUTOR_NAMESPACE, "ownsCallback", {
    params: ["i32", "i32"],
    results: ["i32"],
  });
  const callback = m.function("test_callback", { params: ["i32", "i32"], results: ["i32"] });
  emitCallbackTest(callback, refuse, ownsCallback);
  return {
    callback,
    memory: range,
    map,
    context,
    faultCode: FaultCode.argument,
    keySizeAt: MapField.KEY_SIZE - MAP_HEADER_SIZE,
    valueSizeAt: MapField.VALUE_SIZE - MAP_HEADER_SIZE,
  };
}

/** `(window, size, access, id) → 0`: leaves the fault. */
function emitRefuse(f: FunctionBuilder, stateAt: number): void {
  const [window, size, access, id] = f.params as [Local, Local, Local, Local];
  const set = (word: number, value: () => void) => {
    f.i32.const(0);
    value();
    f.i32.store(stateAt + word);
  };
  set(State.FAULT, () => f.i32.const(FaultCode.argument));
  set(State.FAULT_SIZE, () => f.get(size));
  set(State.FAULT_ACCESS, () => f.get(access));
  set(State.FAULT_HELPER, () => f.get(id).i32.const(3).i32.shrU());
  set(State.FAULT_ARGUMENT, () => f.get(id).i32.const(7).i32.and());
  f.i32.const(0);
  pushArgument(f, window, id).i64.store(stateAt + State.FAULT_ADDRESS);
  f.i32.const(0);
}

function pushArgument(f: FunctionBuilder, window: Local, id: Local): FunctionBuilder {
  return f.get(id).i32.const(7).i32.and().i32.const(3).i32.shl().get(window).i32.add().i64.load();
}

/** Branches where the argument is no kernel address; leaves its offset. */
function pushOffset(
  f: FunctionBuilder,
  window: Local,
  id: Local,
  address: Local,
  refused: Parameters<FunctionBuilder["brIf"]>[0],
): FunctionBuilder {
  pushArgument(f, window, id).tee(address).i64.const(32).i64.shrU().i32.wrapI64();
  f.i32.const(KERNEL_BASE_HIGH).i32.ne().brIf(refused);
  return f.get(address).i32.wrapI64();
}

function emitMemoryTest(f: FunctionBuilder, refuse: Func, regionCheck: Func, stackEnd: number): void {
  const [window, size, write, id] = f.params as [Local, Local, Local, Local];
  const address = f.local("i64", "address");
  const offset = f.local("i32", "offset");
  const low = f.local("i32", "stack_low");
  const access = f.local("i32", "access");
  f.i32.const(RegionAccess.WRITE).i32.const(RegionAccess.READ).get(write).select().set(access);
  // No byte is touched: any pointer will do.
  f.get(size)
    .i32.eqz()
    .if(() => f.i32.const(1).return());
  f.block((refused) => {
    pushOffset(f, window, id, address, refused).set(offset);
    f.get(window)
      .i32.load(10 * REGISTER_SIZE)
      .i32.const(FRAME_STACK)
      .i32.sub()
      .set(low);
    f.get(offset).get(low).i32.geU().get(offset).i32.const(stackEnd).i32.ltU().i32.and();
    f.if(() => {
      f.get(size).i32.const(stackEnd).get(offset).i32.sub().i32.gtU().brIf(refused);
      f.i32.const(1).return();
    });
    f.get(offset).get(size).get(access).call(regionCheck).i32.const(0).i32.ltS().brIf(refused);
    f.i32.const(1).return();
  });
  f.get(window).get(size).get(access).get(id).call(refuse);
}

/** A map argument is the address of a live `struct bpf_map`, exactly. */
function emitMapTest(f: FunctionBuilder, refuse: Func, regionCheck: Func): void {
  const [window, id] = f.params as [Local, Local];
  const address = f.local("i64", "address");
  const offset = f.local("i32", "offset");
  const entry = f.local("i32", "entry");
  f.block((refused) => {
    pushOffset(f, window, id, address, refused).set(offset);
    const check = () => f.get(offset).i32.const(1).i32.const(RegionAccess.MAP).call(regionCheck);
    emitRegionEntry(f, entry, check, refused);
    f.get(entry).i32.load(RegionEntry.START).get(offset).i32.ne().brIf(refused);
    f.i32.const(1).return();
  });
  f.get(window).i32.const(0).i32.const(RegionAccess.MAP).get(id).call(refuse);
}

function emitContextTest(f: FunctionBuilder, refuse: Func, stateAt: number): void {
  const [window, id] = f.params as [Local, Local];
  const address = f.local("i64", "address");
  f.block((refused) => {
    pushOffset(f, window, id, address, refused);
    f.i32
      .const(0)
      .i32.load(stateAt + State.CONTEXT)
      .i32.ne()
      .brIf(refused);
    f.i32.const(1).return();
  });
  f.get(window).i32.const(0).i32.const(0).get(id).call(refuse);
}

/** A function argument is the address of a subprogram of the program that calls. */
function emitCallbackTest(f: FunctionBuilder, refuse: Func, ownsCallback: Func): void {
  const [window, id] = f.params as [Local, Local];
  const address = f.local("i64", "address");
  f.block((refused) => {
    pushArgument(f, window, id).tee(address).i64.const(32).i64.shrU().i32.wrapI64();
    f.i32.const(CODE_BASE_HIGH).i32.ne().brIf(refused);
    f.get(window).get(address).i32.wrapI64().call(ownsCallback).i32.eqz().brIf(refused);
    f.i32.const(1).return();
  });
  f.get(window).i32.const(0).i32.const(SUBPROGRAM).get(id).call(refuse);
}
