import { MAP_OPERATIONS, MapField, MapOperationSlot } from "../maps/index.ts";
import { BpfFuncId, BpfMapType, Errno } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emittedHelper } from "./define.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";
import { field } from "./map-field.ts";

/**
 * Calls an operation of the map through its header; what `args` pushes are the arguments. Maps without operations of
 * their own (program arrays) give `absent`.
 */
function callOperation(
  f: FunctionBuilder,
  environment: EmitEnvironment,
  map: Local,
  operation: { name: keyof typeof MAP_OPERATIONS; slot: number; absent: number },
  args: () => void,
): void {
  const index = f.local("i32", "operation");
  field(f, map, MapField.OPERATIONS + 4 * operation.slot)
    .tee(index)
    .i32.eqz();
  f.if(() => f.i32.const(operation.absent).return());
  args();
  f.get(index).callIndirect(environment.type(MAP_OPERATIONS[operation.name]), environment.table);
}

const LOOKUP = { name: "lookup", slot: MapOperationSlot.LOOKUP, absent: 0 } as const;
const UPDATE = { name: "update", slot: MapOperationSlot.UPDATE, absent: -Errno.EOPNOTSUPP } as const;
const PUSH = { name: "push", slot: MapOperationSlot.PUSH, absent: -Errno.EOPNOTSUPP } as const;
const POP = { name: "pop", slot: MapOperationSlot.POP, absent: -Errno.EOPNOTSUPP } as const;
const PEEK = { name: "peek", slot: MapOperationSlot.PEEK, absent: -Errno.EOPNOTSUPP } as const;
const DELETE = { name: "delete", slot: MapOperationSlot.DELETE, absent: -Errno.EOPNOTSUPP } as const;

const lookup = emittedHelper(
  BpfFuncId.map_lookup_elem,
  { args: ["ptr", "ptr"], result: "ptr" },
  (f, environment) => {
    const [map, key] = f.params as [Local, Local];
    callOperation(f, environment, map, LOOKUP, () => {
      f.get(map).get(key);
      environment.cpu(f);
    });
  },
);

const lookupPerCpu = emittedHelper(
  BpfFuncId.map_lookup_percpu_elem,
  { args: ["ptr", "ptr", "i32"], result: "ptr" },
  (f, environment) => {
    const [map, key, cpu] = f.params as [Local, Local, Local];
    // A map that is not per CPU has no such operation; the verifier refuses the call.
    field(f, map, MapField.TYPE).i32.const(BpfMapType.PERCPU_HASH).i32.ne();
    field(f, map, MapField.TYPE).i32.const(BpfMapType.LRU_PERCPU_HASH).i32.ne().i32.and();
    field(f, map, MapField.TYPE).i32.const(BpfMapType.PERCPU_ARRAY).i32.ne().i32.and();
    f.get(cpu);
    field(f, map, MapField.CPUS).i32.geU().i32.or();
    f.if(() => f.i32.const(0).return());
    callOperation(f, environment, map, LOOKUP, () => f.get(map).get(key).get(cpu));
  },
);

const update = emittedHelper(
  BpfFuncId.map_update_elem,
  { args: ["ptr", "ptr", "ptr", "i64"], result: "i32" },
  (f, environment) => {
    const [map, key, value, flags] = f.params as [Local, Local, Local, Local];
    f.get(flags).i64.const(32).i64.shrU().i64.eqz().i32.eqz();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    callOperation(f, environment, map, UPDATE, () => {
      f.get(map).get(key).get(value).get(flags).i32.wrapI64();
      environment.cpu(f);
    });
  },
);

const remove = emittedHelper(
  BpfFuncId.map_delete_elem,
  { args: ["ptr", "ptr"], result: "i32" },
  (f, environment) => {
    const [map, key] = f.params as [Local, Local];
    callOperation(f, environment, map, DELETE, () => f.get(map).get(key));
  },
);

const push = emittedHelper(
  BpfFuncId.map_push_elem,
  { args: ["ptr", "ptr", "i64"], result: "i32" },
  (f, environment) => {
    const [map, value, flags] = f.params as [Local, Local, Local];
    f.get(flags).i64.const(32).i64.shrU().i64.eqz().i32.eqz();
    f.if(() => f.i32.const(-Errno.EINVAL).return());
    callOperation(f, environment, map, PUSH, () => f.get(map).get(value).get(flags).i32.wrapI64());
  },
);

/** `bpf_map_pop_elem`, `bpf_map_peek_elem` */
function get(id: number, operation: typeof POP | typeof PEEK): Helper {
  return emittedHelper(id, { args: ["ptr", "ptr"], result: "i32" }, (f, environment) => {
    const [map, value] = f.params as [Local, Local];
    callOperation(f, environment, map, operation, () => f.get(map).get(value));
  });
}

/**
 * The function that a tail call goes on with: the program at an index of a program array, or 0. Engines count the
 * calls and go there; r0 is left alone.
 */
const tailCall = emittedHelper(BpfFuncId.tail_call, { args: ["ptr", "ptr", "i32"], result: "i32" }, (f) => {
  const [, map, index] = f.params as [Local, Local, Local];
  field(f, map, MapField.TYPE).i32.const(BpfMapType.PROG_ARRAY).i32.ne();
  f.get(index);
  field(f, map, MapField.MAX_ENTRIES).i32.geU().i32.or();
  f.if(() => f.i32.const(0).return());
  field(f, map, MapField.VALUES).get(index).i32.const(2).i32.shl().i32.add().i32.atomicLoad();
});

/** `bpf_get_local_storage`: the storage of the program that runs, for a cgroup or a test run; NULL where it has none. */
const localStorage = emittedHelper(
  BpfFuncId.get_local_storage,
  { args: ["ptr", "i64"], result: "ptr" },
  (f, environment) => {
    const map = f.params[0] as Local;
    const values = f.local("i32", "values");
    field(f, map, MapField.VALUES).tee(values).i32.eqz();
    f.if(() => f.i32.const(0).return());
    environment.cpu(f);
    field(f, map, MapField.CPU_STRIDE).i32.mul().get(values).i32.add();
  },
);

export const MAP_HELPERS: readonly Helper[] = [
  lookup,
  lookupPerCpu,
  update,
  remove,
  push,
  get(BpfFuncId.map_pop_elem, POP),
  get(BpfFuncId.map_peek_elem, PEEK),
  tailCall,
  localStorage,
];
