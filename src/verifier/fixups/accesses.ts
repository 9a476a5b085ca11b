import { type Insn, type InsnRow, lookup } from "../../isa/index.ts";
import {
  type AllowedAccess,
  type ContextAccess,
  ContextMap,
  checkFlatAccess,
  checkStructAccess,
  type KernelLayout,
  rewriteAccess,
} from "../../platform/index.ts";
import { FixupError } from "./error.ts";
import type { FixupInput } from "./input.ts";
import type { Patch } from "./patch.ts";
import { kindOf, type Mix, type Pointer, PointerKind, payloadOf } from "./pointer.ts";

/** An access through the context pointer that is to be rewritten. */
interface Site {
  readonly slot: number;
  readonly insn: Insn;
  readonly row: InsnRow;
  readonly allowed: AllowedAccess & { readonly field: NonNullable<AllowedAccess["field"]> };
  /** Of the field, in the user's struct. */
  readonly fieldOffset: number;
}

/** Checks the accesses of a program through its context pointer, and rewrites them to the kernel's own object. */
export class ContextAccesses {
  readonly #input: FixupInput;
  readonly #layout: KernelLayout;
  readonly #map: ContextMap | null;
  readonly #sites: Site[] = [];
  /** End of the furthest access allowed, in bytes of the user's struct (`max_ctx_offset`). */
  furthest = 0;

  constructor(input: FixupInput, layout: KernelLayout) {
    this.#input = input;
    this.#layout = layout;
    const { context } = input.type;
    this.#map = context.kind === "struct" ? new ContextMap(context, layout) : null;
  }

  /** Whether a load gives a pointer into the packet. */
  loadsPacket(offset: number, size: number): boolean {
    const field = this.#map?.at(offset)?.field;
    const type = field?.yields?.type;
    return (
      field?.access.reads[size] !== undefined && (type === "PTR_TO_PACKET" || type === "PTR_TO_PACKET_META")
    );
  }

  /**
   * Notes an access.
   *
   * @param base the register with the address, and what it holds.
   * @throws FixupError with Linux's words where it is not allowed.
   */
  add(slot: number, base: number, pointer: Pointer, mixOf: (pointer: Pointer) => Mix, insn: Insn): void {
    const row = lookup(insn)!;
    switch (kindOf(pointer)) {
      case PointerKind.mixed: {
        const { contextFrom, otherFrom } = mixOf(pointer);
        const where =
          contextFrom < 0 || otherFrom < 0
            ? `R${base} is the context on one path and something else on another`
            : `R${base} is the context where the path comes from instruction ${contextFrom}, and something else from ${otherFrom}`;
        throw new FixupError(slot, "same insn cannot be used with different pointers", where);
      }
      case PointerKind.contextSomewhere:
        throw new FixupError(
          slot,
          "variable ctx access disallowed",
          `R${base} is the context at an offset that is not constant`,
        );
      case PointerKind.context:
        this.#addContext(slot, base, payloadOf(pointer), insn, row);
        return;
      default:
        return;
    }
  }

  #addContext(slot: number, base: number, distance: number, insn: Insn, row: InsnRow): void {
    if (row.kind !== "load" && row.kind !== "store") {
      const direction = row.kind === "loadAcquire" ? "loads from" : "stores into";
      throw new FixupError(slot, `BPF_ATOMIC ${direction} R${base} ctx is not allowed`);
    }
    if (distance < 0) {
      throw new FixupError(slot, `negative offset ctx ptr R${base} off=${distance} disallowed`);
    }
    if (distance > 0) {
      throw new FixupError(slot, `dereference of modified ctx ptr R${base} off=${distance} disallowed`);
    }
    const allowed = this.#check({
      offset: insn.off,
      size: row.size,
      write: row.kind === "store",
      signed: row.extend !== 0,
      expectedAttachType: this.#input.expectedAttachType,
    });
    if (allowed === null) {
      throw new FixupError(slot, `invalid bpf_context access off=${insn.off} size=${row.size}`);
    }
    this.furthest = Math.max(this.furthest, insn.off + row.size);
    const { field } = allowed;
    if (field === null || field.rewrite.kind === "none") return;
    const fieldOffset = this.#map!.at(insn.off)!.offset;
    this.#sites.push({ slot, insn, row, allowed: { ...allowed, field }, fieldOffset });
  }

  #check(access: ContextAccess): AllowedAccess | null {
    const { context } = this.#input.type;
    switch (context.kind) {
      case "struct":
        return checkStructAccess(this.#map!, access);
      case "flat":
        return checkFlatAccess(context, this.#layout, access);
      default:
        return { field: null, fieldSize: 0, yields: null };
    }
  }

  /** The rewrites of all accesses noted. */
  *patches(): Generator<[slot: number, patch: Patch]> {
    const readsTimestampType = this.#sites.some((site) => site.allowed.field.name === "tstamp_type");
    const options = { layout: this.#layout, readsTimestampType };
    // Programs make the same access again and again.
    const known = new Map<number, Patch>();
    for (const { slot, insn, row, allowed, fieldOffset } of this.#sites) {
      const key = insn.imm === 0 ? registersAndOffset(insn) : -1;
      let patch = known.get(key);
      if (patch === undefined) {
        const site = {
          insn,
          write: row.kind === "store",
          size: row.size as 1 | 2 | 4 | 8,
          extend: row.extend,
          distance: insn.off - fieldOffset,
        };
        patch = { body: rewriteAccess(allowed, site, options) };
        if (key >= 0) known.set(key, patch);
      }
      yield [slot, patch];
    }
  }
}

/** A number that only instructions with the same opcode, registers and offset share. */
function registersAndOffset({ opcode, dst, src, off }: Insn): number {
  return (((opcode << 8) | (dst << 4) | src) * 0x1_0000 + (off & 0xffff)) >>> 0;
}
