import { ArenaField, PAGE_SHIFT } from "../maps/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Pushes the offset of the words of `ArenaField`. */
export type PushArena = (f: FunctionBuilder) => void;

/**
 * Body of `(…, address: i64, size: i32) → offset`: where in the memory bytes of the program's arena are;
 * 0 where one of them is in no page that is there. The address is the low half of the user's, and what was added to it.
 */
export function emitArenaAddress(f: FunctionBuilder, pushArena: PushArena): void {
  const [address, size] = f.params.slice(-2) as [Local, Local];
  const arena = f.local("i32", "arena");
  const distance = f.local("i64", "distance");
  const last = f.local("i64", "last");
  pushArena(f);
  f.set(arena);
  f.get(address).get(arena).i64.load32U(ArenaField.FIRST).i64.sub().tee(distance);
  f.get(size).i64.extendI32U().i64.const(1).i64.sub().i64.add().set(last);
  // Both are compared: a distance below 0 is a large one.
  f.get(distance).get(arena).i64.load32U(ArenaField.SIZE).i64.ltU();
  f.get(last).get(arena).i64.load32U(ArenaField.SIZE).i64.ltU().i32.and().i32.eqz();
  f.if(() => f.i32.const(0).return());
  const present = (at: Local) =>
    f
      .get(arena)
      .i32.load(ArenaField.PRESENT)
      .get(at)
      .i32.wrapI64()
      .i32.const(PAGE_SHIFT)
      .i32.shrU()
      .i32.add()
      .i32.load8U();
  f.get(arena).i32.load(ArenaField.PAGES).get(distance).i32.wrapI64().i32.add().i32.const(0);
  present(distance);
  present(last).i32.and().select();
}

/** Body of `(…, address: i64) → i64`: the user's address of an arena's, NULL for 0. */
export function emitArenaCast(f: FunctionBuilder, pushArena: PushArena): void {
  const [address] = f.params.slice(-1) as [Local];
  pushArena(f);
  f.i64.load32U(ArenaField.CAST_HIGH).i64.const(32).i64.shl().get(address).i64.or();
  f.i64.const(0).get(address).i64.eqz().i32.eqz().select();
}
