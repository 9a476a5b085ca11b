import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CallKind,
  type Insn,
  ProgramBuilder,
  r0,
  r1,
  r2,
  r3,
  r6,
  r7,
  r10,
  WideKind,
  wideImm,
} from "../../../src/isa/index.ts";
import { InternalHelper, PROGRAM_TYPES } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { FixupError } from "../../../src/verifier/index.ts";
import { outline } from "../../support/outline.ts";
import { exampleMap, fixed, LEN, layout } from "./support.ts";

const TSTAMP = 152;

describe("jumps over code that grows", () => {
  it("lead to the start of what an instruction became", () => {
    const program = new ProgramBuilder()
      .mov64(r6, r1)
      .label("back")
      .ldx("dw", r0, r6, TSTAMP)
      .branch("jeq", r0, 1, "back")
      .branch("jeq", r0, 2, "out")
      .ldx("dw", r0, r6, TSTAMP)
      .label("out")
      .alu64("div", r0, r7)
      .exit()
      .insns();
    const { insns, slotMap } = fixed(program);
    expect([...slotMap]).toEqual([0, 1, 9, 10, 11, 19, 23, 24]);
    expect(9 + 1 + insns[9]!.off).toBe(1);
    expect(10 + 1 + insns[10]!.off).toBe(19);
  });

  it("keep calls, function addresses and long jumps on their targets", () => {
    const program = new ProgramBuilder()
      .ldFunc(r2, "sub")
      .callLocal("sub")
      .gotol("end")
      .alu64("mod", r0, r7)
      .label("end")
      .exit()
      .label("sub")
      .alu32("div", r0, r7)
      .exit()
      .insns();
    const { insns, slotMap, functions } = fixed(program);
    const sub = slotMap[6]!;
    expect(functions).toEqual([0, sub]);
    expect(0 + 1 + insns[0]!.imm).toBe(sub);
    expect(2 + 1 + insns[2]!.imm).toBe(sub);
    expect(3 + 1 + insns[3]!.imm).toBe(slotMap[5]);
  });

  it("that become too far are refused", () => {
    const builder = new ProgramBuilder().branch("jeq", r1, 0, "end");
    for (let i = 0; i < 20_000; i++) builder.alu64("div", r0, r7);
    const program = builder.label("end").exit().insns();
    expect(() => fixed(program)).toThrow("insn 0 cannot be patched due to 16-bit range");
  });
});

describe("division", () => {
  it.each([
    ["div", 64, ["jne64_k r7 off=2 imm=0", "xor32_x r0 r0", "ja off=1", "div64_x r0 r7"]],
    ["mod", 64, ["jeq64_k r7 off=1 imm=0", "mod64_x r0 r7"]],
    ["mod", 32, ["jeq32_k r7 off=2 imm=0", "mod32_x r0 r7", "ja off=1", "mov32_x r0 r0"]],
    [
      "sdiv",
      32,
      [
        "mov64_x r11 r7",
        "add32_k r11 imm=1",
        "jgt32_k r11 off=4 imm=1",
        "jeq32_k r11 off=1 imm=0",
        "mov32_k r0 imm=0",
        "neg32 r0",
        "ja off=1",
        "sdiv32_x r0 r7",
      ],
    ],
    [
      "smod",
      64,
      [
        "mov64_x r11 r7",
        "add64_k r11 imm=1",
        "jgt64_k r11 off=3 imm=1",
        "jeq64_k r11 off=3 imm=1",
        "mov32_k r0 imm=0",
        "ja off=1",
        "smod64_x r0 r7",
      ],
    ],
  ] as const)("%s of %d bits by a register", (name, width, expected) => {
    const builder = new ProgramBuilder();
    const program = (width === 64 ? builder.alu64(name, r0, r7) : builder.alu32(name, r0, r7)).exit().insns();
    expect(outline(fixed(program).insns)).toEqual([...expected, "exit"]);
  });

  it("by a constant stays, unless it is a signed one by -1", () => {
    const program = new ProgramBuilder()
      .alu64("div", r0, 3)
      .alu64("sdiv", r0, -1)
      .alu32("smod", r0, -1)
      .alu64("div", r0, -1)
      .exit()
      .insns();
    expect(outline(fixed(program).insns)).toEqual([
      "div64_k r0 imm=3",
      "neg64 r0",
      "mov32_k r0 imm=0",
      "div64_k r0 imm=-1",
      "exit",
    ]);
  });
});

describe("packet loads", () => {
  it("become calls of an internal function for engines", () => {
    const program = new ProgramBuilder().mov64(r6, r1).ldInd("h", r7, 14).exit().insns();
    const { insns, helpers } = fixed(program, { type: "socket_filter" });
    expect(outline(insns)).toEqual([
      "mov64_x r6 r1",
      "mov64_x r2 r7",
      "add64_k r2 imm=14",
      "mov64_x r1 r6",
      `call_helper imm=${InternalHelper.skbLoad16}`,
      "jsge64_k r0 off=2 imm=0",
      "xor32_x r0 r0",
      "exit",
      "exit",
    ]);
    expect([...helpers]).toEqual([InternalHelper.skbLoad16]);
  });
});

describe("maps", () => {
  const map = exampleMap(BpfMapType.HASH, 7);
  const values = exampleMap(BpfMapType.ARRAY, 8, { valueSize: 64 });
  const program = new ProgramBuilder()
    .ldPseudo64(r1, WideKind.mapFd, 3)
    .ldPseudo64(r2, WideKind.mapValue, 4, 16)
    .mov64(r0, 0)
    .exit()
    .insns();
  const maps = new Map([
    [0, map],
    [2, values],
  ]);

  it("are addresses for engines, and say which map", () => {
    const result = fixed(program, { maps });
    expect(wideImm(result.insns, 0)).toBe(map.address);
    expect(wideImm(result.insns, 2)).toBe(values.valueAddress + 16n);
    expect(result.insns[0]!.src).toBe(WideKind.imm);
    expect([...result.maps]).toEqual([[0, map]]);
  });

  it("are ids as Linux shows them", () => {
    const { insns } = fixed(program, { maps, target: "linux-x86_64" });
    expect([insns[0]!.src, insns[0]!.imm, insns[1]!.imm]).toEqual([WideKind.mapFd, 7, 0]);
    expect([insns[2]!.src, insns[2]!.imm, insns[3]!.imm]).toEqual([WideKind.mapValue, 8, 16]);
  });

  it("are looked up in place where Linux knows which one it is", () => {
    const lookups = (other: typeof map) =>
      new ProgramBuilder()
        .mov64(r2, r10)
        .ldx("w", r3, r1, LEN)
        .branch("jeq", r3, 0, 3)
        .ldPseudo64(r1, WideKind.mapFd, 3)
        .ja(2)
        .ldPseudo64(r1, WideKind.mapFd, other === map ? 3 : 4)
        .call(1)
        .exit()
        .insns();
    const run = (other: typeof map) =>
      fixed(lookups(other), {
        target: "linux-x86_64",
        maps: new Map([
          [3, map],
          [6, other],
        ]),
      });
    expect(outline(run(map).insns).slice(8)).toEqual([
      "call_helper imm=0",
      "jeq64_k r0 off=1 imm=0",
      "add64_k r0 imm=56",
      "exit",
    ]);
    expect(outline(run(values).insns).slice(8)).toEqual(["call_helper imm=0", "exit"]);
  });
});

describe("dead code", () => {
  it("that no path leads to goes without a verifier; jumps to the next slot do, too", () => {
    const program = new ProgramBuilder().ja(1).exit().mov64(r0, 0).ja(0).exit().insns();
    expect(outline(fixed(program).insns)).toEqual(["mov64_k r0 imm=0", "exit"]);
  });

  it("does not shift the slots that errors name", () => {
    const program = new ProgramBuilder().ja(0).ja(0).ldx("w", r0, r1, 500).exit().insns();
    expect(() => fixed(program)).toThrow("instruction 2: invalid bpf_context access off=500 size=4");
  });
});

describe("as Linux shows it", () => {
  it("may_goto counts in the stack below what its function uses", () => {
    const program = new ProgramBuilder()
      .st("w", r10, -12, 0)
      .label("again")
      .mayGoto("out")
      .ja("again")
      .label("out")
      .exit()
      .insns();
    expect(outline(fixed(program, { type: "xdp", target: "linux-x86_64" }).insns)).toEqual([
      "st_dw r10 off=-32 imm=65535",
      "st_dw r10 off=-24 imm=0",
      "st_w r10 off=-12 imm=0",
      "ldx_dw r11 r10 off=-32",
      "jeq64_k r11 off=6 imm=0",
      "sub64_k r11 imm=1",
      "jne64_k r11 off=2 imm=0",
      "mov64_k r11 imm=-32",
      "call_helper imm=0",
      "stx_dw r10 r11 off=-32",
      "ja off=-8",
      "exit",
    ]);
    expect(fixed(program, { type: "xdp" }).insns).toEqual(program);
  });

  it("a program that writes its packet first gets it for itself", () => {
    const program = (write: boolean) => {
      const builder = new ProgramBuilder().ldx("w", r2, r1, 76);
      return (write ? builder.st("b", r2, 0, 1) : builder).mov64(r0, 0).exit().insns();
    };
    const length = (type: string, write: boolean) =>
      fixed(program(write), { type, target: "linux-x86_64" }).insns.length;
    expect(length("sched_cls", true) - length("sched_cls", false)).toBe(11);
    expect(length("lwt_xmit", true) - length("lwt_xmit", false)).toBe(11);
    expect(fixed(program(true)).writesPacket).toBe(true);
    expect(fixed(program(true)).insns).toHaveLength(4);
  });

  it("calls of subprograms carry their number", () => {
    const program = new ProgramBuilder()
      .callLocal("sub")
      .exit()
      .label("sub")
      .alu64("div", r0, r7)
      .exit()
      .insns();
    const { insns } = fixed(program, { target: "linux-x86_64" });
    expect(insns[0]).toMatchObject({ src: CallKind.local, off: 1, imm: 1 });
  });
});

describe("any code", () => {
  const insn = fc.record({
    opcode: fc.integer({ min: 0, max: 255 }),
    dst: fc.integer({ min: 0, max: 15 }),
    src: fc.integer({ min: 0, max: 15 }),
    off: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min: -32768, max: 32767 })),
    imm: fc.oneof(fc.integer({ min: -8, max: 200 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  });
  it("gives a program or a FixupError", () => {
    const type = fc.constantFrom(...PROGRAM_TYPES.map(({ name }) => name));
    const target = fc.constantFrom("tsbpf" as const, "linux-x86_64" as const);
    fc.assert(
      fc.property(fc.array(insn, { maxLength: 40 }), type, target, (insns: Insn[], name, where) => {
        try {
          const result = fixed(insns, { type: name, target: where });
          expect(result.slotMap).toHaveLength(insns.length + 1);
          expect(result.slotMap[insns.length]).toBe(result.insns.length);
        } catch (error) {
          expect(error).toBeInstanceOf(FixupError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("needs both halves of a wide load", () => {
    const half = { opcode: 0x18, dst: 0, src: 4, off: 0, imm: 0 };
    expect(() => fixed([half])).toThrow("invalid bpf_ld_imm64 insn");
  });

  it("takes time in proportion to its length", () => {
    const builder = new ProgramBuilder().mov64(r6, r1);
    const count = 100_000;
    for (let i = 0; i < count / 4; i++) {
      builder.ldx("w", r7, r6, LEN).branch("jeq", r7, i, 1).alu64("div", r7, r6).stx("dw", r10, r6, -8);
    }
    const program = builder.mov64(r0, 0).exit().insns();
    // In quadratic time this would not end before the test's own limit.
    const result = fixed(program);
    expect(result.insns.length).toBeGreaterThan(count);
    expect(result.insns[1]!.off).toBe(layout.offset("sk_buff.len"));
  });
});
