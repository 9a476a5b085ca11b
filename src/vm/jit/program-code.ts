import type { Func, FunctionBuilder, Signature, ValueType } from "../../wasm/index.ts";
import { emitArenaAddress, emitArenaCast, type PushArena } from "../emit-arena.ts";
import { ENTRY_SIGNATURE } from "../signatures.ts";
import type { CodeGraph } from "./code-graph.ts";
import type { ModuleCode } from "./module-code.ts";
import { CARRIED, VERIFIED_ARGUMENTS } from "./registers.ts";

const CHECKED_FUNCTION: Signature = {
  params: [...registers(CARRIED), "i32", "i32"],
  results: ["i64"],
};

const VERIFIED_FUNCTION: Signature = {
  params: [...registers(VERIFIED_ARGUMENTS), "i32"],
  results: ["i64"],
};

function registers(count: number): ValueType[] {
  return Array.from({ length: count }, () => "i64");
}

/** A program in the module that it is emitted to, which may hold others, too. */
export class ProgramCode {
  readonly module: ModuleCode;
  readonly graph: CodeGraph;
  /** Offset that names the program where callbacks are looked up. */
  readonly codeAt: number;
  /** The functions of the program, by their first slots. */
  readonly functions = new Map<number, FunctionBuilder>();
  readonly #arena: number;

  constructor(
    module: ModuleCode,
    { graph, codeAt, arena }: { readonly graph: CodeGraph; readonly codeAt: number; readonly arena: number },
  ) {
    this.module = module;
    this.graph = graph;
    this.codeAt = codeAt;
    this.#arena = arena;
  }

  /** Adds the function whose first slot is `entry`. The main one of verified code is what tail calls go on with. */
  declare(name: string, entry: number): void {
    const signature = this.module.checked
      ? CHECKED_FUNCTION
      : entry === 0
        ? ENTRY_SIGNATURE
        : VERIFIED_FUNCTION;
    this.functions.set(entry, this.module.m.function(entry === 0 ? name : `${name}@${entry}`, signature));
  }

  /** `(address, size) → offset`: where bytes of the program's arena are; 0 where no page is there. */
  get arenaAddress(): Func {
    return this.#ofArena("arena_address", { params: ["i64", "i32"], results: ["i32"] }, emitArenaAddress);
  }

  /** `(address) → address`: the user's address of an arena's. */
  get arenaCast(): Func {
    return this.#ofArena("arena_cast", { params: ["i64"], results: ["i64"] }, emitArenaCast);
  }

  #ofArena(
    name: string,
    signature: Signature,
    emit: (f: FunctionBuilder, pushArena: PushArena) => void,
  ): Func {
    const body = (f: FunctionBuilder) => emit(f, (g) => g.i32.const(this.#arena));
    return this.module.once(name, signature, body, `${name} ${this.#arena}`);
  }
}
