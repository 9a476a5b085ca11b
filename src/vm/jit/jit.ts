import { NotSupported } from "../../base/index.ts";
import { lookup } from "../../isa/index.ts";
import { AdapterTables, THROW } from "../adapter-tables.ts";
import { TAIL_CALL } from "../emit-adapter.ts";
import type { CompiledProgram, Engine, EngineInput, Executor } from "../engine.ts";
import { BpfExecutor } from "../executor.ts";
import { KnownMaps } from "./call-facts.ts";
import { JitProgram } from "./jit-program.ts";
import type { CallTarget, Reached } from "./targets.ts";

export interface JitOptions {
  /** Whether programs that run often are optimised; they are unless told. */
  readonly optimise?: boolean;
  /**
   * How many runs a program has before it is, if they do not take some milliseconds together before that; 5,000 unless
   * told. 0: it is from the start.
   */
  readonly after?: number;
}

/** What the programs of an executor share. */
interface Room {
  readonly adapters: AdapterTables;
  /** Those that others reach, by function index. */
  readonly programs: Map<number, JitProgram>;
}

/** Most programs run a few times, if at all. The passes cost some milliseconds, and a run is a microsecond or less. */
const DEFAULT_AFTER = 5000;

/** The JIT: each program becomes a WebAssembly module. */
export class Jit implements Engine {
  readonly name = "jit";
  readonly #rooms = new WeakMap<Executor, Room>();
  readonly #optimises: boolean;
  readonly #after: number;

  constructor(options: JitOptions = {}) {
    this.#optimises = options.optimise ?? true;
    this.#after = options.after ?? DEFAULT_AFTER;
  }

  /** @throws CodeError for code that is not well-formed or calls what does not exist. */
  compile(input: EngineInput, executor: Executor): CompiledProgram {
    if (!(executor instanceof BpfExecutor)) throw new NotSupported("executors of another engine");
    const { adapters, programs } = this.#of(executor);
    const checked = input.mode === "checked";
    const program = new JitProgram(executor, programs);
    const helper = (id: number) => adapters.helper(input.helpers, id, input.mode);
    try {
      program.load(
        {
          name: input.name,
          insns: input.insns,
          checked,
          throws: throwsOf(input),
          exceptionCallback: input.exceptionCallback ?? 0,
          arena: input.arena ?? 0,
        },
        {
          helper: (id) => {
            const callable = input.helpers.get(id);
            if (callable === undefined) return null;
            const callee = { number: id, callable };
            const via: Reached = checked
              ? adapterOf(executor, helper(id))
              : { kind: "body", callee, body: adapters.body(input.helpers, callee) };
            return { kind: id === TAIL_CALL ? "tailCall" : "call", via };
          },
          kfunc: (slot) => kfuncTarget(input, slot, adapters, executor),
          tailCall: () => adapters.tailCall,
        },
        checked || !this.#optimises ? null : new KnownMaps(executor.memory, input.mapOfSlot.values()),
        this.#after,
      );
      if (input.insns.some((insn) => lookup(insn)?.name.startsWith("callx"))) program.callThrough(helper);
    } catch (error) {
      program.close();
      throw error;
    }
    return program;
  }

  #of(executor: BpfExecutor): Room {
    let room = this.#rooms.get(executor);
    if (room === undefined) {
      room = { adapters: new AdapterTables(executor), programs: new Map() };
      this.#rooms.set(executor, room);
    }
    return room;
  }
}

/** Slots of calls of `bpf_throw`. */
function throwsOf({ kfuncs, kfuncOfSlot }: EngineInput): ReadonlySet<number> {
  const slots = new Set<number>();
  for (const [slot, name] of kfuncOfSlot ?? [])
    if (name === THROW && kfuncs?.get(name)?.body.kind === "engine") slots.add(slot);
  return slots;
}

function kfuncTarget(
  input: EngineInput,
  slot: number,
  adapters: AdapterTables,
  executor: BpfExecutor,
): CallTarget | null {
  const { kfuncs } = input;
  const name = input.kfuncOfSlot?.get(slot);
  const kfunc = name === undefined ? undefined : kfuncs?.get(name);
  if (kfuncs === undefined || kfunc === undefined) return null;
  if (kfunc.body.kind === "engine") return kfunc.name === THROW ? { kind: "throw" } : null;
  if (input.mode === "checked")
    return { kind: "call", via: adapterOf(executor, adapters.kfunc(kfuncs, kfunc.name, input.mode)) };
  const callee = adapters.kfuncCallee(kfuncs, kfunc.name);
  if (callee === null) return null;
  return { kind: "call", via: { kind: "body", callee, body: adapters.body(kfuncs, callee) } };
}

function adapterOf(executor: BpfExecutor, index: number): Reached {
  return { kind: "adapter", func: executor.table.get(index), index, argument: 0 };
}
