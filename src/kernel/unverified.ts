import { checkForm, isWide, WideKind } from "../isa/index.ts";
import type { FixupMap } from "../verifier/index.ts";
import type { KernelMap } from "./objects/map.ts";
import type { Process } from "./process.ts";
import type { LoadRequest } from "./verification.ts";

/** The maps of a program that no verifier vouches for. */
export interface UnverifiedMaps {
  readonly bySlot: ReadonlyMap<number, FixupMap>;
  /** Each once, in the order of first use. */
  readonly used: readonly KernelMap[];
  readonly offsetOf: (map: FixupMap) => number;
}

/**
 * What can be said of a refused program, for a lenient kernel: null where not even its instructions are well
 * formed, or a descriptor leads to no map.
 */
export function unverifiedMaps(process: Process, { records, fdArray }: LoadRequest): UnverifiedMaps | null {
  const { insns } = records;
  if (checkForm(insns, { limit: 1 }).length > 0) return null;
  const views = new Map<KernelMap, FixupMap>();
  const offsets = new Map<FixupMap, number>();
  const bySlot = new Map<number, FixupMap>();
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (!isWide(insn)) continue;
    const at = slot++;
    const byIndex = insn.src === WideKind.mapIdx || insn.src === WideKind.mapIdxValue;
    const byDescriptor = insn.src === WideKind.mapFd || insn.src === WideKind.mapValue;
    if (!byIndex && !byDescriptor) continue;
    if (byIndex && fdArray === 0n) return null;
    const fd = byIndex ? process.u32(fdArray + BigInt(insn.imm * 4)) | 0 : insn.imm;
    const object = process.files.find(fd)?.object;
    if (object?.kind !== "map") return null;
    const map = object as KernelMap;
    let view = views.get(map);
    if (view === undefined) {
      view = process.machine.fixupMap(map);
      views.set(map, view);
      offsets.set(view, map.offset);
    }
    bySlot.set(at, view);
  }
  return { bySlot, used: [...views.keys()], offsetOf: (map) => offsets.get(map)! };
}
