import { unreachable } from "../../base/index.ts";
import { type Insn, insnOf, ProgramBuilder, r0, r1, r2, rowNamed } from "../../isa/index.ts";
import type { InlineLookup, KernelLayout } from "../../platform/index.ts";
import { BpfMapFlag } from "../../uapi/index.ts";
import type { FixupMap } from "./map.ts";

const SLOT = 8;
/** r0 = address, in this CPU's area, of what r0 points to in every CPU's. */
const PERCPU_R0 = insnOf(rowNamed("percpu_address"), 0, 0, 0, 0);

function roundUp(size: number): number {
  return Math.ceil(size / SLOT) * SLOT;
}

/**
 * A lookup written out, for a map that is known: `map_gen_lookup` of its type. r1 holds the map and r2 the key's
 * address; r0 gets the value's address or 0. null where Linux calls after all.
 *
 * @param call the `imm` of a call of `__htab_map_lookup_elem`.
 */
export function inlineLookup(
  kind: InlineLookup,
  map: FixupMap,
  layout: KernelLayout,
  call: number,
): Insn[] | null {
  const out = new ProgramBuilder();
  switch (kind) {
    case "array": {
      if ((map.flags & BpfMapFlag.INNER_MAP) !== 0) return null;
      arrayIndex(out, map, layout.offset("bpf_array.value"), 3);
      scale(out, roundUp(map.valueSize));
      out.alu64("add", r0, r1).ja(1).mov64(r0, 0);
      return out.insns();
    }
    case "percpuArray":
      if ((map.flags & BpfMapFlag.INNER_MAP) !== 0) return null;
      arrayIndex(out, map, layout.offset("bpf_array.pptrs"), 5);
      out.alu64("lsh", r0, 3).alu64("add", r0, r1).ldx("dw", r0, r0, 0).raw(PERCPU_R0);
      out.ja(1).mov64(r0, 0);
      return out.insns();
    case "arrayOfMaps":
      if ((map.flags & BpfMapFlag.INNER_MAP) !== 0) return null;
      arrayIndex(out, map, layout.offset("bpf_array.value"), 5);
      scale(out, roundUp(map.valueSize));
      out.alu64("add", r0, r1).ldx("dw", r0, r0, 0).branch("jeq", r0, 0, 1).ja(1).mov64(r0, 0);
      return out.insns();
    case "hash":
      out.call(call).branch("jeq", r0, 0, 1).alu64("add", r0, valueOffset(map, layout));
      return out.insns();
    case "percpuHash":
      out.call(call).branch("jeq", r0, 0, 3).alu64("add", r0, valueOffset(map, layout));
      out.ldx("dw", r0, r0, 0).raw(PERCPU_R0);
      return out.insns();
    case "hashOfMaps":
      out.call(call).branch("jeq", r0, 0, 2).alu64("add", r0, valueOffset(map, layout));
      out.ldx("dw", r0, r0, 0);
      return out.insns();
    case "lruHash": {
      const used = layout.offset("htab_elem.lru_node") + layout.offset("bpf_lru_node.ref");
      out.call(call).branch("jeq", r0, 0, 4);
      out.ldx("b", r1, r0, used).branch("jne", r1, 0, 1).st("b", r0, used, 1);
      out.alu64("add", r0, valueOffset(map, layout));
      return out.insns();
    }
    case "xskMap": {
      const sockets = layout.find("xsk_map.xsk_map");
      if (sockets === null) return null;
      out.ldx("w", r0, r2, 0).branch("jge", r0, map.maxEntries, 5);
      out.alu64("lsh", r0, 3).alu64("add", r1, sockets.offset).alu64("add", r0, r1).ldx("dw", r0, r0, 0);
      out.ja(1).mov64(r0, 0);
      return out.insns();
    }
    default:
      return unreachable(kind);
  }
}

/**
 * r0 = index; leaves by the jump to the final `r0 = 0`, `beyond` instructions on, where it is too high. A CPU that guesses
 * may go on all the same: where its maker must not look into the kernel, it stays in the array.
 */
function arrayIndex(out: ProgramBuilder, map: FixupMap, values: number, beyond: number): void {
  const masked = map.bypassSpecV1 === false;
  out.alu64("add", r1, values).ldx("w", r0, r2, 0);
  out.branch("jge", r0, map.maxEntries, masked ? beyond + 1 : beyond);
  if (masked) out.alu32("and", r0, indexMask(map));
}

/** `bpf_array.index_mask` */
export function indexMask({ maxEntries }: FixupMap): number {
  return 2 ** Math.ceil(Math.log2(Math.max(maxEntries, 1))) - 1;
}

function scale(out: ProgramBuilder, size: number): void {
  const shift = Math.log2(size);
  if (Number.isInteger(shift)) out.alu64("lsh", r0, shift);
  else out.alu64("mul", r0, size);
}

function valueOffset(map: FixupMap, layout: KernelLayout): number {
  return layout.offset("htab_elem.key") + roundUp(map.keySize);
}
