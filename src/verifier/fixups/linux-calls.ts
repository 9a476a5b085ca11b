import {
  CallKind,
  type Insn,
  insnOf,
  ProgramBuilder,
  r0,
  r1,
  r2,
  r3,
  r5,
  rowNamed,
} from "../../isa/index.ts";
import {
  functionsOfMap,
  HELPER_PROTOTYPES,
  INTERNAL_SYMBOLS,
  type MapOperationName,
  prototypeOf,
} from "../../platform/index.ts";
import { BpfFuncId as Func } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import type { FixupInput, FixupOptions } from "./input.ts";
import type { FixupMap } from "./map.ts";
import { inlineLookup } from "./map-lookup.ts";

const CALL_BASE = "__bpf_call_base";
/** `GFP_ATOMIC` and `GFP_KERNEL` of Linux 6.18. */
const GFP_ATOMIC = 0x820;
const GFP_KERNEL = 0xcc0;
const PERCPU_R0 = insnOf(rowNamed("percpu_address"), 0, 0, 0, 0);

/** The operation of its map that a helper is. */
const MAP_OPERATIONS: ReadonlyMap<number, MapOperationName> = new Map<number, MapOperationName>([
  [Func.map_lookup_elem, "lookup"],
  [Func.map_update_elem, "update"],
  [Func.map_delete_elem, "delete"],
  [Func.map_push_elem, "push"],
  [Func.map_pop_elem, "pop"],
  [Func.map_peek_elem, "peek"],
  [Func.redirect_map, "redirect"],
  [Func.for_each_map_elem, "forEach"],
  [Func.map_lookup_percpu_elem, "lookupPercpu"],
]);

/** Helpers that get the flags of an allocation as a fifth argument. */
const ALLOCATING: ReadonlySet<number> = new Set([
  Func.sk_storage_get,
  Func.task_storage_get,
  Func.inode_storage_get,
  Func.cgrp_storage_get,
]);

/** What calls of helpers become on Linux: code in place, or calls by distance from `__bpf_call_base`. */
export class LinuxCalls {
  readonly #input: FixupInput;
  readonly #options: FixupOptions;

  constructor(input: FixupInput, options: FixupOptions) {
    this.#input = input;
    this.#options = options;
  }

  /** The `imm` of a call of a kernel function; 0 where its address is not known. */
  imm(symbol: string): number {
    const address = this.#options.symbolAddress?.(symbol) ?? null;
    const base = this.#options.symbolAddress?.(CALL_BASE) ?? null;
    return address === null || base === null ? 0 : Number(BigInt.asIntN(32, address - base));
  }

  /** The `imm` of a call of a helper that stays a call. */
  helperImm(id: number): number {
    const { type, expectedAttachType, sleepable = false } = this.#input;
    const prototype =
      prototypeOf(id, { programType: type.type, expectedAttachType, sleepable }) ?? HELPER_PROTOTYPES.get(id);
    const symbol = prototype?.function ?? INTERNAL_SYMBOLS[id];
    return symbol === undefined ? 0 : this.imm(symbol);
  }

  /**
   * What takes the place of a call of a helper; null where the call stays as it is.
   *
   * @param map the map in r1, where it is always the same.
   * @param atomic the call must not wait for memory
   */
  rewrite(insn: Insn, map: FixupMap | null, atomic = this.#input.sleepable !== true): Insn[] | null {
    const { imm: id } = insn;
    // Its opcode changes in the kernel, and back where a program is shown (bpf_insn_prepare_dump).
    if (id === Func.tail_call) return null;
    return (
      this.#ownCode(insn, atomic) ?? this.#mapOperation(insn, map) ?? [{ ...insn, imm: this.helperImm(id) }]
    );
  }

  /** The function behind a kfunc: its name, but for those that do something else in programs of this kind. */
  kfuncSymbol(env: Environment, insn: Insn): string {
    return env.kfuncs.get(kfuncKey(insn.imm, insn.off))?.name ?? "";
  }

  #ownCode(insn: Insn, atomic: boolean): Insn[] | null {
    const out = new ProgramBuilder();
    switch (insn.imm) {
      case Func.get_smp_processor_id:
        return out.mov64(r0, this.#low("cpu_number")).raw(PERCPU_R0).ldx("w", r0, r0, 0).insns();
      case Func.jiffies64:
        return out.ldImm64(r0, this.#address("jiffies_64")).ldx("dw", r0, r0, 0).insns();
      case Func.kptr_xchg:
        return out.mov64(r0, r2).xchg("dw", r1, r0, 0).insns();
      case Func.timer_set_callback:
        // The third argument is the program, known only to the kernel.
        return out.ldImm64(r3, 0).call(this.helperImm(insn.imm)).insns();
      default:
        break;
    }
    if (!ALLOCATING.has(insn.imm)) return null;
    const flags = atomic ? GFP_ATOMIC : GFP_KERNEL;
    return out.mov64(r5, flags).call(this.helperImm(insn.imm)).insns();
  }

  #mapOperation(insn: Insn, map: FixupMap | null): Insn[] | null {
    const operation = MAP_OPERATIONS.get(insn.imm);
    if (operation === undefined || map === null) return null;
    const functions = functionsOfMap(map.type);
    if (operation === "lookup" && functions.inlineLookup !== undefined) {
      const call = this.imm("__htab_map_lookup_elem");
      const code = inlineLookup(functions.inlineLookup, map, this.#options.layout, call);
      if (code !== null) return code;
    }
    const symbol = functions[operation];
    return symbol === undefined ? null : [{ ...insn, src: CallKind.helper, imm: this.imm(symbol) }];
  }

  #address(symbol: string): bigint {
    return this.#options.symbolAddress?.(symbol) ?? 0n;
  }

  #low(symbol: string): number {
    return Number(BigInt.asIntN(32, this.#address(symbol)));
  }
}
