import { TsbpfError, u64 } from "../base/index.ts";
import { type ConformanceGroup, checkForm, decode, type Insn } from "../isa/index.ts";
import { addressOf, KERNEL_BASE_HIGH, offsetOf, RegionAccess } from "../mem/index.ts";
import { CodeError } from "./code-error.ts";
import type { Fault } from "./engine.ts";
import { REGISTER_SIZE } from "./state.ts";
import { InterpretedVmCode, JitVmCode, type VmCode } from "./vm-code.ts";
import { VmHost } from "./vm-host.ts";

/** What a helper of a bare machine sees of the program's memory. */
export interface VmMemory {
  /**
   * A view of `length` bytes at an address that the program may read and write (its memory or its stack), valid until
   * the helper returns; null where it may not.
   */
  bytes(address: bigint, length: number): Uint8Array | null;
}

/** A function that a program calls by number: r1 to r5 as unsigned 64-bit values; the result goes to r0. */
export type VmHelper = (
  r1: bigint,
  r2: bigint,
  r3: bigint,
  r4: bigint,
  r5: bigint,
  memory: VmMemory,
) => bigint;

export interface VmOptions {
  /** `"interp"` unless told. */
  readonly engine?: "interp" | "jit";
  /**
   * Helpers by number. Beside them exist, unless replaced, those of Linux that need no kernel: 5 (ktime_get_ns), 7
   * (get_prandom_u32), 8 (get_smp_processor_id).
   */
  readonly helpers?: ReadonlyMap<number, VmHelper> | { readonly [id: number]: VmHelper };
  /** Instructions that a run may have; 1,000,000,000 unless told, Infinity for no limit. */
  readonly budget?: number;
  /** For messages; `"vm"` unless told. */
  readonly name?: string;
}

/** A run of a bare machine that ended without a result. */
export class VmFault extends TsbpfError implements Fault {
  override name = "VmFault";
  readonly kind: Fault["kind"];
  /** The slot that was running. */
  readonly slot: number;
  /** The refused address, or null. */
  readonly address: bigint | null;

  constructor(program: string, fault: Fault) {
    super(`program ${program}: slot ${fault.slot}: ${fault.message}`);
    this.kind = fault.kind;
    this.slot = fault.slot;
    this.address = fault.address;
  }
}

const DEFAULT_BUDGET = 1_000_000_000;

const GROUPS: ReadonlySet<ConformanceGroup> = new Set([
  "base32",
  "base64",
  "atomic32",
  "atomic64",
  "divmul32",
  "divmul64",
  "callx",
  "linux",
]);

const LINUX_HELPERS: ReadonlyMap<number, VmHelper> = new Map<number, VmHelper>([
  [5, () => BigInt(Date.now()) * 1_000_000n],
  [7, () => BigInt(Math.floor(Math.random() * 2 ** 32))],
  [8, () => 0n],
]);

/** Hosts that no run is using, by the class that they belong to: all machines of a process take turns in them. */
const HOSTS = new WeakMap<typeof Vm, VmHost[]>();

/**
 * The bare machine: runs code that no verifier has seen, with r1 = the memory's address and r2 = its length. Every
 * access is tested, and a run is bounded by a budget.
 *
 * ```ts
 * const vm = new Vm(bytes);
 * const r0 = vm.run(new Uint8Array(64));
 * ```
 */
export class Vm {
  readonly name: string;
  /** Instructions of the last run. */
  executed = 0;
  readonly #budget: number;
  readonly #code: VmCode;
  readonly #helpers: ReadonlyMap<number, VmHelper>;

  /**
   * @param program slots, or their bytes.
   * @throws {CodeError} for code that is not well-formed; {FormatError} for bytes that are no slots; {NotSupported}.
   */
  constructor(program: Uint8Array | readonly Insn[], options: VmOptions = {}) {
    const engine = options.engine ?? "interp";
    if (engine !== "interp" && engine !== "jit")
      throw new TsbpfError(`vm: expected engine interp or jit, got ${String(engine)}`);
    const budget = options.budget ?? DEFAULT_BUDGET;
    if (!(budget >= 0))
      throw new TsbpfError(`vm: expected a budget of 0 or more instructions, got ${budget}`);
    this.name = options.name ?? "vm";
    this.#budget = budget;
    this.#helpers = helperTable(options.helpers);
    const insns = program instanceof Uint8Array ? decode(program) : program;
    const [problem] = checkForm(insns, { groups: GROUPS, limit: 1 });
    if (problem !== undefined) throw new CodeError(this.name, problem.slot, problem.reason);
    const has = (id: number) => this.#helpers.has(id);
    this.#code =
      engine === "jit" ? new JitVmCode(this.name, insns, has) : new InterpretedVmCode(this.name, insns, has);
  }

  /**
   * Runs the program once on a copy of `memory`, and copies it back, after a fault too.
   *
   * @returns all 64 bits of r0, unsigned.
   * @throws {VmFault} where it accessed what is not its own, ran out of its budget, or called what does not exist.
   */
  run(memory: Uint8Array = new Uint8Array(0)): bigint {
    const host = takeHost();
    try {
      return this.#runIn(host, memory);
    } finally {
      host.executor.depth = 0;
      returnHost(host);
    }
  }

  #runIn(host: VmHost, memory: Uint8Array): bigint {
    const { executor } = host;
    const start = this.#code.on(host);
    const length = memory.length;
    if (length > 0) {
      if (!host.data.reserve(length)) throw this.#exhausted(length);
      host.memory.bytes().set(memory, host.data.at);
    }
    host.expose(length);
    executor.budget = this.#budget;
    executor.callHost = (window, id) => this.#call(host, window, id);
    executor.indirect.clear();
    executor.callHostThrough = (id) => this.#helpers.has(id);
    const at = length === 0 ? 0 : host.data.at;
    let low: number;
    try {
      low = start(at, at === 0 ? 0 : KERNEL_BASE_HIGH, length);
    } finally {
      if (length > 0) memory.set(host.memory.bytes().subarray(at, at + length));
    }
    this.executed = executor.executed;
    const { fault } = executor;
    if (fault !== null) throw new VmFault(this.name, fault);
    return u64(low, executor.resultHigh);
  }

  #call(host: VmHost, window: number, id: number): number {
    const helper = this.#helpers.get(id)!;
    const view = host.memory.view();
    const r = (register: number) => view.getBigUint64(window + register * REGISTER_SIZE, true);
    const result = helper(r(1), r(2), r(3), r(4), r(5), {
      bytes: (address, length) => viewOf(host, r(10), address, length),
    });
    host.memory.view().setBigUint64(window, BigInt.asUintN(64, BigInt(result)), true);
    return 0;
  }

  #exhausted(bytes: number): TsbpfError {
    return new TsbpfError(`program ${this.name}: no memory is left for ${bytes} bytes`);
  }
}

function helperTable(given: VmOptions["helpers"]): ReadonlyMap<number, VmHelper> {
  if (given === undefined) return LINUX_HELPERS;
  const table = new Map(LINUX_HELPERS);
  const entries: Iterable<[number, VmHelper]> =
    given instanceof Map
      ? given
      : Object.entries(given as { readonly [id: number]: VmHelper }).map(([id, helper]) => [
          Number(id),
          helper,
        ]);
  for (const [id, helper] of entries) table.set(id, helper);
  return table;
}

function viewOf(host: VmHost, framePointer: bigint, address: bigint, length: number): Uint8Array | null {
  const offset = offsetOf(address);
  if (offset === 0 || !Number.isInteger(length) || length < 0) return null;
  const { executor, memory } = host;
  const stackLow = Number(framePointer - addressOf(0)) - 512;
  const onStack = offset >= stackLow && offset + length <= executor.stackEnd;
  if (!onStack && !memory.regions.allows(offset, length, RegionAccess.READ_WRITE)) return null;
  return memory.bytes().subarray(offset, offset + length);
}

function takeHost(): VmHost {
  return HOSTS.get(Vm)?.pop() ?? new VmHost();
}

function returnHost(host: VmHost): void {
  const hosts = HOSTS.get(Vm);
  if (hosts === undefined) HOSTS.set(Vm, [host]);
  else hosts.push(host);
}
