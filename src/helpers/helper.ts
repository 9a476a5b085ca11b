import type { KernelMemory, MemoryImports } from "../mem/index.ts";
import type { FuncType, FunctionBuilder, Local, Signature, Table } from "../wasm/index.ts";
import type { HelperServices } from "./services.ts";

/**
 * How one argument or the result of a helper or kfunc travels between an engine and a body.
 *
 * - `i32`: one Wasm i32. As an argument the low half of the register: an offset in the one memory, a size, a flag
 *   word. As a result sign-extended to 64 bits (errno values, lengths) …
 * - `u32`: … zero-extended (`bpf_get_prandom_u32`; what a kfunc gives as `int` or `bool`).
 * - `u8`: as an argument the low byte, zero-extended (`u8`, `bool`).
 * - `void`: no result; r0 is 0.
 * - `ptr`: an offset in the one memory; as a result the engine adds KERNEL_BASE unless it is 0 (NULL).
 * - `i64`: two i32, low half first. A host body returns the low half and leaves the high half in
 *   {@link HelperCall.resultHigh}; an emitted body returns an i64.
 */
export type ValueKind = "i32" | "u32" | "u8" | "ptr" | "i64" | "void";

/** What a body written in TypeScript sees of the run that calls it. One object per executor, reused for every call. */
export interface HelperCall {
  readonly memory: KernelMemory;
  /** The CPU that the executor runs as. */
  readonly cpu: number;
  /** Offset of the context of the running program: `struct sk_buff`, `struct xdp_buff`, the arguments … */
  readonly context: number;
  /** High half of an `i64` result. */
  resultHigh: number;
  readonly services: HelperServices;
  /** A callback ended the run, or somebody interrupts it: a body that calls back returns then. */
  readonly stopped: boolean;
  /**
   * Calls back a function of the program with up to three pointers, as offsets; 0 is NULL.
   *
   * @param index of the function in the kernel's table: the low half of its address.
   * @returns whether it returned something else than 0.
   */
  callBack(index: number, first: number, second: number, third: number): boolean;
}

/** The module that a body is emitted into. */
export interface EmitEnvironment {
  /** The type of a signature, for `callIndirect`. */
  readonly type: (signature: Signature) => FuncType;
  /** The kernel's function table. */
  readonly table: Table;
  /** The one memory and its functions. */
  readonly memory: MemoryImports;
  /** Whether programs call that nobody has verified: a body tests for itself what no {@link ArgumentCheck} does. */
  readonly checked: boolean;
  /** Pushes the CPU that the executor runs as. */
  readonly cpu: (f: FunctionBuilder) => void;
  /** Pushes the offset of the running program's context. */
  readonly context: (f: FunctionBuilder) => void;
  /**
   * Emits code with memory on the program's stack that its callbacks may read, of as many bytes as `size` pushes; the
   * run ends with a fault where the stack has no place for it.
   */
  readonly onStack: (f: FunctionBuilder, size: () => void, use: (at: Local) => void) => void;
  /**
   * Notes the spin lock, whose offset `lock` pushes, that the run holds from now on; 0: none. Where the run ends with a
   * fault, the lock is given back for it.
   */
  readonly holdLock: (f: FunctionBuilder, lock: () => void) => void;
  /** Pushes whether a callback ended the run, or somebody interrupts it: a body that calls back returns then. */
  readonly stopped: (f: FunctionBuilder) => void;
}

/** A body in TypeScript: a pure function over the one memory; `i64` arguments take two places. Never BigInt, never async. */
export interface HostBody<Call extends HelperCall = HelperCall> {
  readonly kind: "host";
  readonly call: (call: Call, ...args: number[]) => number;
}

/** A body emitted as Wasm, loaded in every executor. Parameters and result as in {@link ValueKind}, `i64` as one i64. */
export interface EmittedBody {
  readonly kind: "wasm";
  readonly emit: (builder: FunctionBuilder, environment: EmitEnvironment) => void;
}

/** Nothing that a body could do: the engine itself, which knows its frames, does it (`bpf_throw`). */
export interface EngineBody {
  readonly kind: "engine";
}

/**
 * What checked mode tests before a body runs, as far as no verifier has proven it. Types and names follow
 * `enum bpf_arg_type`: only what makes a body safe is told apart here.
 */
export type ArgumentCheck =
  | { readonly kind: "anything" }
  /** A pointer to this program's context. */
  | { readonly kind: "context" }
  /** A pointer to a map that exists (`ARG_CONST_MAP_PTR`). */
  | { readonly kind: "map" }
  /** The address of a subprogram of the running program; any, where argument `rounds` (counted from 1) is 0. */
  | { readonly kind: "function"; readonly rounds?: number }
  /** A pointer to `key_size` bytes of the map in argument 1. */
  | { readonly kind: "mapKey" }
  /** A pointer to `value_size` bytes of the map in argument 1, or NULL; `write`: the body writes it. */
  | { readonly kind: "mapValue"; readonly write?: boolean; readonly nullable?: boolean }
  /** Memory of as many bytes as argument `size` (counted from 1) says, or exactly `bytes`. */
  | { readonly kind: "memory"; readonly size: number; readonly write?: boolean; readonly nullable?: boolean }
  | { readonly kind: "fixedMemory"; readonly bytes: number; readonly write?: boolean };

/** What programs can call: how its arguments and its result travel, what is tested, and what it does. */
export interface Callable {
  /** As in Linux: `bpf_map_lookup_elem`. */
  readonly name: string;
  readonly args: readonly ValueKind[];
  readonly result: ValueKind;
  readonly checks: readonly ArgumentCheck[];
  readonly body: HostBody | EmittedBody;
  /** What it answers to every call that is right, where this kernel has nothing that it could be about. */
  readonly always?: number;
  /** Why it always answers that, or what is otherwise here than on Linux: a sentence. */
  readonly here?: string;
}

/** A helper that programs can call by number (`BPF_FUNC_*`). Tables of these are what an engine compiles against. */
export interface Helper extends Callable {
  /** `BPF_FUNC_*`; the id in the call instruction's `imm`. */
  readonly id: number;
}

/**
 * A function of the kernel that programs call by its BTF id. Tables of these are by name: ids are those of one kernel's
 * BTF. How arguments travel follows from the types that its prototype there has.
 */
export interface Kfunc extends Omit<Callable, "body"> {
  readonly body: HostBody | EmittedBody | EngineBody;
}
