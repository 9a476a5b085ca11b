import { PAGE_SIZE } from "../mem/index.ts";
import { Errno } from "../uapi/index.ts";
import { hostKfunc } from "./define.ts";
import type { HelperCall, Kfunc } from "./helper.ts";

const MAP = { kind: "map" } as const;

/** `bpf_arena_alloc_pages`: the user's address of the first page, or NULL. There is one memory node. */
function allocate(
  call: HelperCall,
  map: number,
  low: number,
  high: number,
  pages: number,
  _node: number,
  flags: number,
  flagsHigh: number,
): number {
  call.resultHigh = 0;
  const arena = call.services.arena?.(map >>> 0) ?? null;
  const count = pages >>> 0;
  if (arena === null || flags !== 0 || flagsHigh !== 0 || count === 0 || count > arena.pages) return 0;
  let first = -1;
  if (low !== 0 || high !== 0) {
    if (low % PAGE_SIZE !== 0) return 0;
    first = arena.pageOf(low);
    if (first > arena.pages - count) return 0;
  }
  const page = arena.allocate(first, count);
  if (page < 0) return 0;
  call.resultHigh = arena.userHigh;
  return arena.lowOf(page);
}

/** `bpf_arena_free_pages` */
function free(call: HelperCall, map: number, low: number, high: number, pages: number): number {
  const arena = call.services.arena?.(map >>> 0) ?? null;
  if (arena === null || pages === 0 || (low === 0 && high === 0)) return 0;
  const first = arena.pageOf(low & -PAGE_SIZE);
  if (first < arena.pages) arena.release(first, Math.min(pages >>> 0, arena.pages - first));
  return 0;
}

/** `bpf_arena_reserve_pages` */
function reserve(call: HelperCall, map: number, low: number, _high: number, pages: number): number {
  const arena = call.services.arena?.(map >>> 0) ?? null;
  if (arena === null) return -Errno.EINVAL;
  const count = pages >>> 0;
  if (count === 0 || low % PAGE_SIZE !== 0) return 0;
  const first = arena.pageOf(low);
  if (first + count > arena.pages) return -Errno.EINVAL;
  return arena.reserve(first, count) < 0 ? -Errno.EBUSY : 0;
}

/** Pages of arenas: memory that programs and user space share by address. */
export const ARENA_KFUNCS: readonly Kfunc[] = [
  hostKfunc(
    "bpf_arena_alloc_pages",
    { args: ["ptr", "i64", "i32", "i32", "i64"], result: "i64", checks: [MAP] },
    allocate,
  ),
  hostKfunc("bpf_arena_free_pages", { args: ["ptr", "i64", "i32"], result: "void", checks: [MAP] }, free),
  hostKfunc(
    "bpf_arena_reserve_pages",
    { args: ["ptr", "i64", "i32"], result: "u32", checks: [MAP] },
    reserve,
  ),
];
