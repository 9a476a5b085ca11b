import { unreachable } from "../../base/index.ts";
import type { KernelLayout } from "../kernel-layout.ts";
import type { AllowedAccess, ContextAccess, ContextMap, FlatContext } from "./context.ts";

/** Bytes of most fields, and the size narrower reads are widened to. */
const WORD = 4;

/**
 * Whether a program may make an access through its context pointer: what `is_valid_access` of its program type says
 * in Linux. null: no ("invalid bpf_context access").
 */
export function checkStructAccess(map: ContextMap, access: ContextAccess): AllowedAccess | null {
  const { offset, size, write } = access;
  const { context } = map;
  if (offset < 0 || offset >= map.size || offset % size !== 0) return null;
  const placed = map.at(offset);
  if (placed === undefined) return null;
  const { field } = placed;
  const { name } = field;
  if (!context.readable.has(name) || (write && !context.writable.has(name))) return null;
  const only = context.attachTypes?.get(name);
  if (only !== undefined && !only.includes(access.expectedAttachType)) return null;
  const pointer = field.yields !== undefined;
  if (pointer && access.signed) return null;
  const yields = field.yields ?? null;
  switch (field.width) {
    case "narrow":
      if (write) return size === WORD ? { field, fieldSize: 0, yields } : null;
      return size <= WORD ? { field, fieldSize: WORD, yields } : null;
    case "word":
      return size === WORD ? { field, fieldSize: 0, yields } : null;
    case "dword":
      return size === 8 && offset === placed.offset ? { field, fieldSize: 0, yields } : null;
    case "byte":
      return size === 1 && offset === placed.offset ? { field, fieldSize: 0, yields } : null;
    case "any":
      return offset + size <= placed.offset + placed.size ? { field, fieldSize: 0, yields } : null;
    default:
      return unreachable(field.width);
  }
}

/** As {@link checkStructAccess}, for a context that is plain memory. */
export function checkFlatAccess(
  context: FlatContext,
  layout: KernelLayout,
  access: ContextAccess,
): AllowedAccess | null {
  const { offset, size, write } = access;
  const end = typeof context.end === "number" ? context.end : layout.sizeOf(context.end.sizeOf);
  const early = offset < 0 ? !context.negative : offset < context.start;
  if (early || offset >= end || offset % size !== 0) return null;
  if (context.whole && offset + size > end) return null;
  if (write && !context.write) return null;
  return { field: null, fieldSize: 0, yields: null };
}
