import type { FixupResult } from "./input.ts";

/**
 * Line records by their slots after fixups (`bpf_adj_linfo`, `bpf_adj_linfo_after_remove`). Of records whose slots
 * are gone, the last stays for the instruction that follows, unless that has one of its own.
 *
 * @param records in ascending order of slots.
 */
export function mapLines<Line extends { readonly slot: number }>(
  records: readonly Line[],
  { slotMap, removed, insns }: Pick<FixupResult, "slotMap" | "removed" | "insns">,
): Line[] {
  const out: Line[] = [];
  for (const [index, record] of records.entries()) {
    const slot = slotMap[record.slot];
    if (slot === undefined) continue;
    if (removed?.[record.slot] === 1) {
      const next = records[index + 1];
      const last = next === undefined || slotMap[next.slot] !== slot;
      if (!last || slot >= insns.length) continue;
    }
    out.push(slot === record.slot ? record : { ...record, slot });
  }
  return out;
}

/**
 * Function records by their first slots after fixups. A function is gone only where all of it is: one that lost
 * its first instruction begins with the next (`adjust_subprog_starts_after_remove`).
 *
 * @param records one for each function, in ascending order of slots.
 */
export function mapFunctions<Func extends { readonly slot: number }>(
  records: readonly Func[],
  { slotMap }: Pick<FixupResult, "slotMap">,
): Func[] {
  const end = slotMap.length - 1;
  return records.flatMap((record, index) => {
    const slot = slotMap[record.slot];
    if (slot === undefined || slot === slotMap[records[index + 1]?.slot ?? end]) return [];
    return [slot === record.slot ? record : { ...record, slot }];
  });
}
