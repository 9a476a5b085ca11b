import type { FixupResult } from "./input.ts";

/**
 * Line records by their slots after fixups (`bpf_adj_linfo`, `bpf_adj_linfo_after_remove`). Of records whose slots
 * are gone, the last stays for the instruction that follows, unless that has one of its own.
 *
 * @param records in ascending order of slots.
 */
export function mapLines<Line extends { readonly slot: number }>(
  records: readonly Line[],
  { slotMap, removed, insns, functions }: Pick<FixupResult, "slotMap" | "removed" | "insns" | "functions">,
): Line[] {
  const starts = new Set(functions);
  const out: Line[] = [];
  for (const [index, record] of records.entries()) {
    const slot = slotMap[record.slot];
    if (slot === undefined) continue;
    if (removed?.[record.slot] === 1) {
      const next = records[index + 1];
      const last = next === undefined || slotMap[next.slot] !== slot;
      // Code of another function does not inherit the line.
      if (!last || slot >= insns.length || starts.has(slot)) continue;
    }
    out.push(slot === record.slot ? record : { ...record, slot });
  }
  return out;
}
