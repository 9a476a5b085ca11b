import type { ArgumentCheck, Callable } from "../../helpers/index.ts";
import {
  type Appender,
  binary,
  type CallKnowledge,
  type IrFunction,
  NONE,
  Op,
  pointerOrNull,
  type SlotCall,
  type Value,
} from "../../ir/index.ts";
import { MAP_HEADER_SIZE, MapField } from "../../maps/index.ts";
import type { KernelMemory } from "../../mem/index.ts";
import { BpfFuncId, BpfMapType } from "../../uapi/index.ts";
import type { Callee } from "../emit-adapter.ts";

/** A field of a map's header that never changes while the map is there. */
type FixedField = "TYPE" | "KEY_SIZE" | "VALUE_SIZE" | "MAX_ENTRIES" | "VALUES" | "CPU_STRIDE";

/** Maps that the program has the addresses of as constants. */
export class KnownMaps {
  readonly #memory: KernelMemory;
  readonly #offsets: ReadonlySet<number>;

  constructor(memory: KernelMemory, offsets: Iterable<number>) {
    this.#memory = memory;
    this.#offsets = new Set(offsets);
  }

  /** The map whose offset a value is; undefined where it may be any. */
  of(func: IrFunction, value: Value): number | undefined {
    if (value === NONE || !func.isConst(value)) return undefined;
    const offset = func.imm(value) >>> 0;
    return this.#offsets.has(offset) ? offset : undefined;
  }

  /** The word at a position of an array of four-byte values. */
  wordAt(map: number, position: number): number {
    return Atomics.load(this.#memory.words(), (this.field(map, "VALUES") >>> 2) + position);
  }

  field(map: number, field: FixedField): number {
    return this.#memory.words()[(map - MAP_HEADER_SIZE + MapField[field]) >>> 2]! >>> 0;
  }
}

/** Helpers that write nothing that a program could load. */
const READERS: ReadonlySet<number> = new Set([
  BpfFuncId.map_lookup_elem,
  BpfFuncId.ktime_get_ns,
  BpfFuncId.ktime_get_boot_ns,
  BpfFuncId.ktime_get_coarse_ns,
  BpfFuncId.get_prandom_u32,
  BpfFuncId.get_smp_processor_id,
  BpfFuncId.get_numa_node_id,
  BpfFuncId.get_current_pid_tgid,
  BpfFuncId.get_current_uid_gid,
]);

/** How a callable looks from the SSA form. */
export function slotCallOf({ args, result }: Callable, kind: "call" | "tailCall"): SlotCall {
  return {
    kind,
    args: args.map((arg) => (arg === "i64" ? "wide" : arg === "u8" ? "byte" : "low")),
    result: RESULTS[result],
  };
}

const RESULTS: Readonly<Record<Callable["result"], SlotCall["result"]>> = {
  i64: "i64",
  i32: "signed",
  u32: "unsigned",
  u8: "unsigned",
  ptr: "pointer",
  void: "none",
};

/** What the passes ask of functions, helpers and maps. */
export function callKnowledge(
  calleeOf: (slot: number) => Callee,
  maps: KnownMaps,
  inlining: CallKnowledge["inlining"],
): CallKnowledge {
  return {
    inlining,
    expand: (make, call) => expand(make, call, calleeOf(make.func.imm(call)).number, maps),
    givesPointer: (func, call) => calleeOf(func.imm(call)).callable.result === "ptr",
    reads: (func, call) => READERS.has(calleeOf(func.imm(call)).number),
    extent: (func, call, argument) => {
      const check = calleeOf(func.imm(call)).callable.checks[argument];
      return check === undefined ? undefined : extentOf(func, check, call, maps);
    },
  };
}

function extentOf(func: IrFunction, check: ArgumentCheck, call: Value, maps: KnownMaps): number | undefined {
  const map = maps.of(func, argument(func, call, 0));
  switch (check.kind) {
    case "mapKey":
      return map === undefined ? undefined : maps.field(map, "KEY_SIZE");
    case "mapValue":
      return map === undefined ? undefined : maps.field(map, "VALUE_SIZE");
    case "fixedMemory":
      return check.bytes;
    case "memory": {
      const size = argument(func, call, check.size - 1);
      return size !== NONE && func.isConst(size) ? func.imm(size) >>> 0 : undefined;
    }
    default:
      return undefined;
  }
}

/** NONE where the call has not so many. */
function argument(func: IrFunction, call: Value, index: number): Value {
  return index < func.argCount(call) ? func.arg(call, index) : NONE;
}

function expand(make: Appender, call: Value, helper: number, maps: KnownMaps): Value | undefined {
  if (helper === BpfFuncId.get_smp_processor_id) return make.leaf(Op.cpu, "i32");
  if (helper !== BpfFuncId.map_lookup_elem) return undefined;
  const { func } = make;
  const map = maps.of(func, func.arg(call, 0));
  return map === undefined ? undefined : expandLookup(make, map, func.arg(call, 1), maps);
}

/** A lookup in an array: a comparison and an address. */
function expandLookup(make: Appender, map: number, key: Value, maps: KnownMaps): Value | undefined {
  const type = maps.field(map, "TYPE");
  const perCpu = type === BpfMapType.PERCPU_ARRAY;
  if (type !== BpfMapType.ARRAY && !perCpu) return undefined;
  const index = make.effect(Op.load, "i32", [key], { size: 4 });
  const inside = binary(make, Op.ltU, index, make.i32(maps.field(map, "MAX_ENTRIES") | 0));
  const stride = (maps.field(map, "VALUE_SIZE") + 7) & -8;
  const distance = binary(make, Op.mul, index, make.i32(stride));
  let start = make.i32(maps.field(map, "VALUES") | 0);
  if (perCpu) {
    const area = binary(make, Op.mul, make.leaf(Op.cpu, "i32"), make.i32(maps.field(map, "CPU_STRIDE") | 0));
    start = binary(make, Op.add, start, area);
  }
  return pointerOrNull(make, inside, binary(make, Op.add, distance, start));
}

/**
 * Whether it is what a loop over an iterator asks for its next round (KF_ITER_NEXT): such a loop ends when the iterator
 * does, and nothing else in it may ever look whether somebody interrupts. `btf_check_iter_kfuncs` prescribes the name.
 */
export function isIteratorNext(name: string): boolean {
  return name.startsWith("bpf_iter_") && name.endsWith("_next");
}
