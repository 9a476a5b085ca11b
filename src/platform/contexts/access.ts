import type { KernelLayout } from "../kernel-layout.ts";
import type {
  AllowedAccess,
  ContextAccess,
  ContextMap,
  FieldAccess,
  FlatContext,
  Permission,
  PlacedField,
} from "./context.ts";
import { keyOf } from "./field.ts";

/** `MAX_BPF_FUNC_ARGS` arguments of 8 bytes. */
export const ARGUMENT_BYTES = 12 * 8;

/**
 * Whether a program may make an access through its context pointer: what `is_valid_access` of its program type says
 * in Linux. null: no ("invalid bpf_context access").
 */
export function checkStructAccess(map: ContextMap, access: ContextAccess): AllowedAccess | null {
  const { offset, size, write } = access;
  const { context } = map;
  if (offset < 0 || offset >= map.size || offset % size !== 0) return null;
  const placed = map.at(offset);
  if (placed === undefined || (placed.field.access.start && offset !== placed.offset))
    return inGap(context.gaps, access);
  const { field } = placed;
  if (!isOpen((write ? context.writable : context.readable).get(keyOf(field)), access)) return null;
  const fieldSize = sizeAllowed(field.access, placed, access);
  if (fieldSize === undefined) return null;
  if (write) return { field, fieldSize: 0, yields: null };
  if (field.yields !== undefined && access.signed) return null;
  return { field, fieldSize, yields: field.yields ?? null };
}

function sizeAllowed(
  { reads, writes, within }: FieldAccess,
  placed: PlacedField,
  { offset, size, write }: ContextAccess,
): AllowedAccess["fieldSize"] | undefined {
  if (within && offset + size > placed.offset + placed.size) return undefined;
  if (write) return writes.includes(size) ? 0 : undefined;
  return reads[size];
}

function inGap(gaps: FieldAccess | undefined, { size, write }: ContextAccess): AllowedAccess | null {
  if (gaps === undefined || write || gaps.reads[size] === undefined) return null;
  return { field: null, fieldSize: 0, yields: null, gap: true };
}

function isOpen(permission: Permission | undefined, access: ContextAccess): boolean {
  if (permission === undefined) return false;
  if (permission.capability === "bpf" && access.bpfCapable === false) return false;
  return permission.attachTypes?.includes(access.expectedAttachType) ?? true;
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
  if (context.sizes?.includes(size) === false) return null;
  if (context.first === undefined || offset !== 0) return { field: null, fieldSize: 0, yields: null };
  return size === 8 ? { field: null, fieldSize: 0, yields: context.first } : null;
}

/** As {@link checkStructAccess}, for the arguments of a function (`bpf_tracing_ctx_access`). */
export function checkArgumentAccess({ offset, size, write }: ContextAccess): AllowedAccess | null {
  if (offset < 0 || offset >= ARGUMENT_BYTES || write || offset % size !== 0) return null;
  return { field: null, fieldSize: 0, yields: null, byArgument: true };
}
