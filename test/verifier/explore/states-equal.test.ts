import { describe, expect, it } from "vitest";
import { ExactLevel } from "../../../src/verifier/explore/reg-safe.ts";
import { statesEqual } from "../../../src/verifier/explore/states-equal.ts";
import { constantBounds, draftOf, withBounds } from "../../../src/verifier/ranges/bounds.ts";
import { RefType } from "../../../src/verifier/state/reference.ts";
import { RegType } from "../../../src/verifier/state/reg-type.ts";
import { ADD_CONST, type Register } from "../../../src/verifier/state/register.ts";
import { SlotType, StackSlot } from "../../../src/verifier/state/stack-slot.ts";
import type { VerifierState } from "../../../src/verifier/state/verifier-state.ts";
import { exampleMap, point, verification } from "../calls/support.ts";

const { NOT_EXACT, EXACT, RANGE_WITHIN } = ExactLevel;
const ALL_LIVE = 0x7ff;

/** Two copies of a fresh state, which a test makes differ. */
function pair(options: { live?: number; privileged?: boolean } = {}) {
  const { env } = verification({ privileged: options.privileged ?? true });
  env.aux[0]!.liveRegsBefore = options.live ?? ALL_LIVE;
  const old = env.pool.copy(env.current);
  const current = env.current;
  const equal = (exact: ExactLevel = NOT_EXACT): boolean => statesEqual(env, old, current, exact);
  return { env, old, current, equal };
}

function scalar(reg: Register, value: bigint | null, precise = true): Register {
  reg.markUnknown(precise);
  if (value !== null) reg.bounds = constantBounds(value);
  return reg;
}

function slot(state: VerifierState, types: readonly SlotType[]): StackSlot {
  const made = new StackSlot();
  for (const [byte, type] of types.entries()) made.setType(byte, type);
  state.frame.stack.push(made);
  return made;
}

function filled(type: SlotType): SlotType[] {
  return new Array<SlotType>(8).fill(type);
}

describe("registers", () => {
  it("that the cached state did not have do not matter, unless exactness is asked for", () => {
    const { current, equal } = pair();
    scalar(current.regs[3]!, 5n);
    expect([equal(), equal(RANGE_WITHIN), equal(EXACT)]).toEqual([true, false, false]);
  });

  it("that nobody reads do not matter at all", () => {
    const { old, current, equal } = pair({ live: ALL_LIVE & ~(1 << 3) });
    scalar(old.regs[3]!, 4n);
    scalar(current.regs[3]!, 5n);
    expect([equal(), equal(RANGE_WITHIN), equal(EXACT)]).toEqual([true, true, true]);
  });

  it("are scalars of any value where the cached one is not precise", () => {
    const { old, current, equal } = pair();
    scalar(old.regs[3]!, 4n, false);
    scalar(current.regs[3]!, 5n);
    expect([equal(), equal(RANGE_WITHIN)]).toEqual([true, false]);
  });

  it("lie within the range of the cached one where it is precise", () => {
    const { old, current, equal } = pair();
    scalar(old.regs[3]!, null);
    scalar(current.regs[3]!, 5n);
    expect([equal(), equal(RANGE_WITHIN), equal(EXACT)]).toEqual([true, true, false]);
    old.regs[3]!.bounds = constantBounds(4n);
    expect(equal()).toBe(false);
    // The very value, by another object.
    old.regs[3]!.bounds = draftOf(constantBounds(5n));
    expect([equal(), equal(EXACT)]).toEqual([true, true]);
  });

  it("share a value in both states", () => {
    const { old, current, equal } = pair();
    for (const regno of [3, 4]) {
      scalar(old.regs[regno]!, null).id = 7;
      scalar(current.regs[regno]!, null).id = 9;
    }
    expect(equal()).toBe(true);
    current.regs[4]!.id = 10;
    expect(equal()).toBe(false);
    // Registers may be linked that were not.
    old.regs[3]!.id = 0;
    old.regs[4]!.id = 0;
    current.regs[4]!.id = 10;
    expect(equal()).toBe(true);
    current.regs[4]!.id = 9;
    expect(equal()).toBe(true);
  });

  it("keep their distance to what they are linked with", () => {
    const { old, current, equal } = pair();
    const before = scalar(old.regs[3]!, null);
    const now = scalar(current.regs[3]!, null);
    before.id = (7 | ADD_CONST) >>> 0;
    now.id = 7;
    expect(equal()).toBe(false);
    now.id = (9 | ADD_CONST) >>> 0;
    expect(equal()).toBe(true);
    now.off = 4;
    expect(equal()).toBe(false);
  });

  it("point to the same map, at an offset that was allowed", () => {
    const { old, current, equal } = pair();
    const map = exampleMap();
    const before = point(old.regs[3]!, RegType.PTR_TO_MAP_VALUE, { map });
    const now = point(current.regs[3]!, RegType.PTR_TO_MAP_VALUE, { map });
    expect(equal()).toBe(true);
    now.off = 4;
    expect(equal()).toBe(false);
    now.off = 0;
    now.map = exampleMap();
    expect(equal()).toBe(false);
    now.map = map;
    now.bounds = constantBounds(8n);
    expect(equal()).toBe(false);
    before.bounds = withBounds(constantBounds(8n), {
      umin: 0n,
      smin: 0n,
      u32min: 0,
      s32min: 0,
      mask: 8n,
      value: 0n,
    });
    expect(equal()).toBe(true);
  });

  it("point into a packet with at least as much behind them", () => {
    const { old, current, equal } = pair();
    const before = point(old.regs[3]!, RegType.PTR_TO_PACKET, { range: 14 });
    const now = point(current.regs[3]!, RegType.PTR_TO_PACKET, { range: 20 });
    expect(equal()).toBe(true);
    before.range = 34;
    expect(equal()).toBe(false);
    now.range = 34;
    now.id = 3;
    expect(equal()).toBe(false);
  });

  it("point into the stack of the same frame", () => {
    const { old, current, equal } = pair();
    point(old.regs[3]!, RegType.PTR_TO_STACK, { off: -8 });
    const now = point(current.regs[3]!, RegType.PTR_TO_STACK, { off: -8, frameno: 1 });
    expect(equal()).toBe(false);
    now.frameno = 0;
    expect(equal()).toBe(true);
  });
});

describe("stack slots", () => {
  it("that the cached state did not use do not matter, unless exactness is asked for", () => {
    const { old, current, equal } = pair();
    slot(old, filled(SlotType.INVALID));
    slot(current, filled(SlotType.ZERO));
    expect([equal(), equal(RANGE_WITHIN)]).toEqual([true, false]);
  });

  it("with any data match anything where nobody minds uninitialised stack", () => {
    for (const [privileged, expected] of [
      [true, true],
      [false, false],
    ] as const) {
      const { old, equal } = pair({ privileged });
      slot(old, filled(SlotType.MISC));
      expect(equal()).toBe(expected);
    }
  });

  it("with data may be zero, but not the other way round", () => {
    const { old, current, equal } = pair({ privileged: false });
    slot(old, filled(SlotType.MISC));
    slot(current, filled(SlotType.ZERO));
    expect(equal()).toBe(true);
    old.frame.stack[0]!.fill(SlotType.ZERO);
    current.frame.stack[0]!.fill(SlotType.MISC);
    expect(equal()).toBe(false);
  });

  it("hold a scalar that any data stands for, where it may be any", () => {
    const { old, current, equal } = pair();
    const { spilled } = slot(old, filled(SlotType.SPILL));
    scalar(spilled, null);
    slot(current, filled(SlotType.MISC));
    expect(equal()).toBe(true);
    spilled.bounds = constantBounds(1n);
    expect(equal()).toBe(false);
  });

  it("hold the same pointer", () => {
    const { old, current, equal } = pair();
    point(slot(old, filled(SlotType.SPILL)).spilled, RegType.PTR_TO_CTX);
    const now = point(slot(current, filled(SlotType.SPILL)).spilled, RegType.PTR_TO_CTX);
    expect(equal()).toBe(true);
    now.off = 8;
    expect(equal()).toBe(false);
  });

  it("hold an iterator in the same state, whatever its depth", () => {
    const { old, current, equal } = pair();
    const before = slot(old, filled(SlotType.ITER)).spilled;
    const now = slot(current, filled(SlotType.ITER)).spilled;
    Object.assign(before, { iterState: 1, iterDepth: 1, refObjId: 2 });
    Object.assign(now, { iterState: 1, iterDepth: 5, refObjId: 3 });
    expect(equal()).toBe(true);
    now.iterState = 2;
    expect(equal()).toBe(false);
  });
});

describe("states", () => {
  it("that a CPU only guesses cover no true ones", () => {
    const { old, current, equal } = pair();
    old.speculative = true;
    expect(equal()).toBe(false);
    current.speculative = true;
    expect(equal()).toBe(true);
    old.speculative = false;
    expect(equal()).toBe(true);
  });

  it("hold the same references and locks", () => {
    const { old, current, equal } = pair();
    const object = exampleMap();
    old.refs = [{ type: RefType.LOCK, id: 3, insnIdx: 0, object }];
    expect(equal()).toBe(false);
    current.refs = [{ type: RefType.LOCK, id: 4, insnIdx: 1, object }];
    expect(equal()).toBe(true);
    current.refs = [{ type: RefType.LOCK, id: 4, insnIdx: 1, object: exampleMap() }];
    expect(equal()).toBe(false);
    current.refs = [{ type: RefType.PTR, id: 4, insnIdx: 1, object }];
    expect(equal()).toBe(false);
  });

  it("are in the same sections", () => {
    const { old, current, equal } = pair();
    for (const change of [
      { activeRcuLock: true },
      { activePreemptLocks: 1 },
      { activeLocks: 1 },
      { activeIrqId: 2 },
      { inSleepable: true },
    ]) {
      const before = Object.fromEntries(
        Object.keys(change).map((key) => [key, current[key as keyof VerifierState]]),
      );
      Object.assign(current, change);
      expect(equal()).toBe(false);
      Object.assign(old, change);
      expect(equal()).toBe(true);
      Object.assign(current, before);
      Object.assign(old, before);
    }
  });
});
