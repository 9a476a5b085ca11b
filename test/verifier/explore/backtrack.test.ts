import { describe, expect, it } from "vitest";
import { backtrackInsn } from "../../../src/verifier/explore/backtrack.ts";
import { BacktrackMasks } from "../../../src/verifier/explore/backtrack-masks.ts";
import { type HistoryEntry, HistoryFlag, stackAccessFlags } from "../../../src/verifier/state/history.ts";
import { walked } from "../program/support.ts";

const SPI = 1;

function entry(fields: Partial<HistoryEntry>): HistoryEntry {
  return { idx: 0, prevIdx: 0, flags: 0, linkedRegs: null, ...fields };
}

interface Step {
  /** Registers of the current frame that must be precise behind the instruction. */
  readonly regs?: readonly number[];
  readonly slots?: readonly number[];
  readonly hist?: HistoryEntry;
  /** The instruction, which is the first of a program that then exits. */
  readonly code: string;
}

/** What must be precise before the instruction; null where that cannot be told. */
function before({ regs = [], slots = [], hist, code }: Step): string | null {
  const { env } = walked(`${code}\nexit`);
  for (const regno of regs) env.backtrack.setReg(0, regno);
  for (const spi of slots) env.backtrack.setSlot(0, spi);
  if (!backtrackInsn(env, 0, 1, hist ?? null)) return null;
  return `${env.backtrack.regsText(0)} ${env.backtrack.slotsText(0)}`.trim();
}

describe("one step back", () => {
  const access = entry({ flags: stackAccessFlags(0, SPI) });
  it.each<[string, Step, string | null]>([
    ["a constant ends it", { code: "r1 = 5", regs: [1] }, ""],
    ["another register takes no part", { code: "r1 = 5", regs: [2] }, "r2"],
    ["a move hands it on", { code: "r1 = r2", regs: [1] }, "r2"],
    ["a move of the frame pointer ends it", { code: "r1 = r10", regs: [1] }, ""],
    ["a sum needs both", { code: "r1 += r2", regs: [1] }, "r1,r2"],
    ["a sum with a constant needs the register", { code: "r1 += 5", regs: [1] }, "r1"],
    ["a negation needs the register", { code: "r1 = -r1", regs: [1] }, "r1"],
    ["a wide load ends it", { code: "r1 = 5 ll", regs: [1] }, ""],
    ["a load from elsewhere ends it", { code: "r1 = *(u64 *)(r2 + 0)", regs: [1] }, ""],
    ["a fill hands it to the slot", { code: "r1 = *(u64 *)(r10 - 16)", regs: [1], hist: access }, "-16"],
    [
      "a spill hands it to the register",
      { code: "*(u64 *)(r10 - 16) = r1", slots: [SPI], hist: access },
      "r1",
    ],
    ["a stored constant ends it", { code: "*(u64 *)(r10 - 16) = 1", slots: [SPI], hist: access }, ""],
    ["a store elsewhere takes no part", { code: "*(u64 *)(r2 + 0) = r1", slots: [SPI] }, "-16"],
    ["a number as an address", { code: "*(u64 *)(r2 + 0) = r1", regs: [2] }, null],
    ["a packet load", { code: "r0 = *(u8 *)skb[0]", regs: [0] }, null],
    ["a helper gives r0", { code: "call bpf_get_prandom_u32", regs: [0, 6] }, "r6"],
    ["a comparison makes both sides matter", { code: "if r1 == r2 goto +0", regs: [1] }, "r1,r2"],
    ["a comparison of others takes no part", { code: "if r1 == r2 goto +0", regs: [3] }, "r3"],
    [
      "a comparison with a pointer to the stack",
      { code: "if r1 == r2 goto +0", regs: [1], hist: entry({ flags: HistoryFlag.SRC_REG_STACK }) },
      "r1",
    ],
    [
      "what was linked at a comparison matters together",
      {
        code: "if r1 > 5 goto +0",
        regs: [1],
        hist: entry({
          linkedRegs: [
            { frameno: 0, index: 1, isReg: true },
            { frameno: 0, index: 4, isReg: true },
            { frameno: 0, index: 2, isReg: false },
          ],
        }),
      },
      "r1,r4 -24",
    ],
  ])("%s", (_, step, expected) => {
    expect(before(step)).toBe(expected);
  });

  it("goes into a function by its end, and out of it by its call", () => {
    const { env } = walked("call one\nr1 = r0\nexit\none:\nr0 = r1\nexit");
    const masks = env.backtrack;
    masks.setReg(0, 0);
    masks.setReg(0, 6);
    expect(backtrackInsn(env, 4, 1, null)).toBe(true);
    expect([masks.frame, masks.regsText(0), masks.regsText(1)]).toEqual([1, "r6", "r0"]);
    backtrackInsn(env, 3, 4, null);
    expect(masks.regsText(1)).toBe("r1");
    backtrackInsn(env, 0, 3, null);
    expect([masks.frame, masks.regsText(0), masks.regsText(1)]).toEqual([0, "r1,r6", ""]);
  });
});

describe("what is looked for", () => {
  it("is empty once the current frame and those above are", () => {
    const masks = new BacktrackMasks();
    expect(masks.empty).toBe(true);
    masks.setSlot(0, 63);
    masks.frame = 2;
    expect([masks.empty, masks.hasSlot(0, 63), masks.slotsText(0)]).toEqual([false, true, "-512"]);
    masks.clearSlot(0, 63);
    expect(masks.empty).toBe(true);
  });

  it("reads as in the log", () => {
    const masks = new BacktrackMasks();
    for (const regno of [0, 2, 10]) masks.setReg(1, regno);
    for (const spi of [0, 31, 32]) masks.setSlot(1, spi);
    expect(masks.regsText(1)).toBe("r0,r2,r10");
    expect(masks.slotsText(1)).toBe("-8,-256,-264");
    expect([masks.regsHex(1), masks.slotsHex(1)]).toEqual(["405", "180000001"]);
    masks.reset();
    expect([masks.regsText(1), masks.slotsText(1)]).toEqual(["", ""]);
  });
});
