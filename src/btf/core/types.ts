import { BtfKind, isEnum, isModifier, KIND_NAMES } from "../kinds.ts";
import { Layout } from "../layout.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";

/** No compiler writes chains this long; a cycle of typedefs does. */
const MAX_HOPS = 1024;

/** How many types, members and letters of names one relocation may look at: far more than real types need. */
const MAX_STEPS = 20_000_000;

/** A BTF of one side of a relocation, with what is computed of it. */
export class CoreSide {
  readonly btf: Btf;
  #tables: BtfTables | undefined;
  #layout: Layout | undefined;

  constructor(btf: Btf) {
    this.btf = btf;
  }

  /** All types as one table; made once, as split BTF has to join its base's for it. */
  get tables(): BtfTables {
    return (this.#tables ??= this.btf.tables());
  }

  /** The type behind modifiers and typedefs (`skip_mods_and_typedefs`). Throws FormatError on a cycle of them. */
  skip(id: number): number {
    const btf = this.btf;
    const start = id;
    for (let hops = 0; hops < MAX_HOPS; hops++) {
      const kind = btf.kind(id);
      if (!isModifier(kind) && kind !== BtfKind.TYPEDEF) return id;
      id = btf.ref(id);
    }
    throw btf.error(start, "typedefs and modifiers lead in a circle");
  }

  /** Bytes of a type, or -1 where it has no size. */
  sizeOf(id: number): number {
    this.#layout ??= new Layout(this.tables, this.btf.pointerSize);
    return this.#layout.sizeOf(id);
  }

  /** `struct task_struct`, `enum state`, `typedef u32`, for messages. */
  describe(id: number): string {
    const kind = (KIND_NAMES[this.btf.kind(id)] ?? "?").toLowerCase();
    return `${kind} ${this.btf.name(id) || "(anonymous)"}`;
  }
}

/** Counts the work of one relocation, so that types that contain themselves cannot keep us busy for ever. */
export class Budget {
  #left = MAX_STEPS;

  /** Counts one step, and the letters of a name that was compared in it. */
  spend(side: CoreSide, id: number, letters = 0): void {
    this.#left -= 10 + letters;
    if (this.#left < 0) throw side.btf.error(id, "too many types to compare: does it contain itself?");
  }
}

/** The kinds a local and a target type may have to be about the same thing (`btf_kind_core_compat`). */
export function kindsCompatible(a: number, b: number): boolean {
  return a === b || (isEnum(a) && isEnum(b));
}
