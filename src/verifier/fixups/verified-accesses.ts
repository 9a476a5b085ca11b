import { type Insn, type InsnRow, insnOf, lookup, Mode, rowNamed } from "../../isa/index.ts";
import {
  type ContextMap,
  checkStructAccess,
  type KernelLayout,
  rewriteAccess,
  type StructContext,
} from "../../platform/index.ts";
import { contextMap } from "../access/context-access.ts";
import { socketView } from "../access/socket-access.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { resolvedAttachType, resolvedType } from "../environment/resolved-type.ts";
import { type RegisterType, RegType, TypeFlag } from "../state/reg-type.ts";
import type { Patch } from "./patch.ts";
import type { Stage } from "./stage.ts";

const MODE_MASK = 0xe0;
const NOSPEC = insnOf(rowNamed("nospec"), 0, 0, 0, 0);

/** Pointers that may be bad when they are followed: such loads give 0 where they fault. */
const FAULTING: ReadonlySet<number> = new Set([
  RegType.PTR_TO_BTF_ID,
  RegType.PTR_TO_BTF_ID | TypeFlag.PTR_UNTRUSTED,
  RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC | TypeFlag.PTR_UNTRUSTED,
  RegType.PTR_TO_MEM | TypeFlag.MEM_RDONLY | TypeFlag.PTR_UNTRUSTED,
]);

/** Accesses to memory as the kernel makes them, by what the verifier knows of their pointers (`convert_ctx_accesses`). */
export class VerifiedAccesses {
  readonly #env: Environment;
  readonly #layout: KernelLayout;
  readonly #asLinux: boolean;
  /** Context accesses that were made before: programs make the same again and again. */
  readonly #known = new Map<string, Insn[]>();

  /** @param asLinux what Linux makes of them, which leaves loads of any address among those that cannot fault. */
  constructor(env: Environment, layout: KernelLayout, asLinux: boolean) {
    this.#env = env;
    this.#layout = layout;
    this.#asLinux = asLinux;
  }

  rewrite(stage: Stage): void {
    const patches: (Patch | undefined)[] = [];
    const readsTimestampType = stage.insns.some((insn, slot) =>
      this.#readsTimestampType(insn, stage.aux[slot]!),
    );
    for (let slot = 0; slot < stage.insns.length; slot++) {
      const insn = stage.insns[slot]!;
      const aux = stage.aux[slot]!;
      const row = lookup(insn);
      const mode = row === undefined ? null : modeOf(row, aux.ptrType, aux.mayFault && !this.#asLinux);
      if (mode !== null) stage.insns[slot] = moded(insn, mode);
      const body =
        row === undefined || mode !== null ? null : this.#access(insn, row, aux, readsTimestampType);
      const before = aux.nospec ? [NOSPEC] : [];
      if (body !== null || aux.nospec) {
        patches[slot] = { body: [...before, ...(body ?? wide(stage.insns, slot, row))] };
      }
      if (row?.slots === 2) slot++;
    }
    stage.apply(patches);
  }

  #readsTimestampType(insn: Insn, { ptrType }: InsnAux): boolean {
    if (ptrType !== RegType.PTR_TO_CTX || lookup(insn)?.kind !== "load") return false;
    const { context } = resolvedType(this.#env);
    if (context.kind !== "struct") return false;
    return contextMap(this.#env, context).at(insn.off)?.field.name === "tstamp_type";
  }

  #access(insn: Insn, row: InsnRow, aux: InsnAux, readsTimestampType: boolean): Insn[] | null {
    if (row.kind !== "load" && row.kind !== "store") return null;
    if (row.kind === "store" && aux.nospecResult) return [insn, NOSPEC];
    if (aux.ptrType === RegType.PTR_TO_CTX) {
      const { context } = resolvedType(this.#env);
      return context.kind === "struct" ? this.#field(context, insn, row, readsTimestampType) : null;
    }
    const view = socketView(aux.ptrType);
    return view === null ? null : this.#field(view, insn, row, false);
  }

  #field(context: StructContext, insn: Insn, row: InsnRow, readsTimestampType: boolean): Insn[] | null {
    const key = `${context.view} ${insn.opcode} ${insn.dst} ${insn.src} ${insn.off} ${insn.imm}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const map: ContextMap = contextMap(this.#env, context);
    const write = row.kind === "store";
    const allowed = checkStructAccess(map, {
      offset: insn.off,
      size: row.size,
      write,
      signed: row.extend !== 0,
      expectedAttachType: resolvedAttachType(this.#env),
      bpfCapable: this.#env.bpfCapable,
    });
    if (allowed === null || allowed.field === null || allowed.field.rewrite.kind === "none") return null;
    const body = rewriteAccess(
      { ...allowed, field: allowed.field },
      {
        insn,
        write,
        size: row.size as 1 | 2 | 4 | 8,
        extend: row.extend,
        distance: insn.off - map.at(insn.off)!.offset,
      },
      { layout: this.#layout, readsTimestampType },
    );
    this.#known.set(key, body);
    return body;
  }
}

/** Another mode in which the access is made: it may fault, or goes to an arena. */
function modeOf(row: InsnRow, ptrType: RegisterType, mayFault: boolean): number | null {
  const arena = ptrType === RegType.PTR_TO_ARENA;
  switch (row.kind) {
    case "atomic":
    case "loadAcquire":
    case "storeRelease":
      return arena ? Mode.probeAtomic : null;
    case "load":
      if (arena) return row.extend === 0 ? Mode.probeMem32 : Mode.probeMem32sx;
      if (!FAULTING.has(ptrType) && !mayFault) return null;
      return row.extend === 0 ? Mode.probeMem : Mode.probeMemsx;
    case "store":
      return arena ? Mode.probeMem32 : null;
    default:
      return null;
  }
}

function wide(insns: readonly Insn[], slot: number, row: InsnRow | undefined): Insn[] {
  return insns.slice(slot, slot + (row?.slots ?? 1));
}

function moded(insn: Insn, mode: number): Insn {
  return { ...insn, opcode: (insn.opcode & ~MODE_MASK) | mode };
}
