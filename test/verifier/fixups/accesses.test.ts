import { describe, expect, it } from "vitest";
import { type Insn, ProgramBuilder, r0, r1, r2, r3, r4, r6, r7, r10 } from "../../../src/isa/index.ts";
import { BpfAttachType, BpfMapType } from "../../../src/uapi/index.ts";
import { FixupError } from "../../../src/verifier/index.ts";
import { exampleMap, fixed, LEN, layout, MARK } from "./support.ts";

const LEN_LOAD = new ProgramBuilder().ldx("w", r0, r2, layout.offset("sk_buff.len")).insns()[0];

function exit(builder: ProgramBuilder): Insn[] {
  return builder.mov64(r0, 0).exit().insns();
}

/** The reason for which a program is refused. */
function refusal(insns: Insn[], type = "sched_cls", attachType = 0): [slot: number, reason: string] {
  try {
    fixed(insns, { type, attachType });
  } catch (error) {
    if (error instanceof FixupError) return [error.instruction, error.reason];
    throw error;
  }
  throw new Error("the program was accepted");
}

describe("the context pointer", () => {
  it("is followed through moves and spills", () => {
    const program = exit(
      new ProgramBuilder()
        .mov64(r6, r1)
        .stx("dw", r10, r6, -16)
        .mov64(r1, 0)
        .ldx("dw", r2, r10, -16)
        .ldx("w", r0, r2, LEN),
    );
    expect(fixed(program).insns[4]).toEqual(LEN_LOAD);
  });

  it("is followed through a frame pointer that was moved", () => {
    const program = exit(
      new ProgramBuilder()
        .mov64(r3, r10)
        .alu64("add", r3, -32)
        .stx("dw", r3, r1, 8)
        .ldx("dw", r2, r10, -24)
        .ldx("w", r0, r2, LEN),
    );
    expect(fixed(program).insns[4]).toEqual(LEN_LOAD);
  });

  it("is lost where its stack slot is overwritten", () => {
    const program = exit(
      new ProgramBuilder()
        .stx("dw", r10, r1, -8)
        .st("w", r10, -4, 0)
        .ldx("dw", r2, r10, -8)
        .ldx("w", r0, r2, LEN),
    );
    expect(fixed(program).insns).toEqual(program);
  });

  it("survives a helper call only in a saved register", () => {
    const program = exit(
      new ProgramBuilder().mov64(r6, r1).call(7).ldx("w", r0, r6, LEN).ldx("w", r0, r1, LEN),
    );
    const { insns } = fixed(program);
    expect(insns[2]!.off).toBe(layout.offset("sk_buff.len"));
    expect(insns[3]!.off).toBe(LEN);
  });

  it("reaches subprograms in any argument, and comes back from them", () => {
    const program = new ProgramBuilder()
      .mov64(r3, r1)
      .callLocal("pick")
      .ldx("w", r0, r0, LEN)
      .exit()
      .label("pick")
      .mov64(r0, r3)
      .ldx("w", r4, r3, LEN)
      .exit()
      .insns();
    const { insns } = fixed(program);
    expect(insns[2]!.off).toBe(layout.offset("sk_buff.len"));
    expect(insns[5]!.off).toBe(layout.offset("sk_buff.len"));
  });

  it("is found in a caller's frame", () => {
    const program = new ProgramBuilder()
      .stx("dw", r10, r1, -16)
      .mov64(r1, r10)
      .alu64("add", r1, -16)
      .callLocal("use")
      .mov64(r0, 0)
      .exit()
      .label("use")
      .ldx("dw", r2, r1, 0)
      .ldx("w", r0, r2, LEN)
      .exit()
      .insns();
    expect(fixed(program).insns[7]).toEqual(LEN_LOAD);
  });

  it("is found where a subprogram stored it for its caller", () => {
    const program = new ProgramBuilder()
      .mov64(r2, r10)
      .alu64("add", r2, -8)
      .callLocal("fill")
      .ldx("dw", r2, r10, -8)
      .ldx("w", r0, r2, LEN)
      .exit()
      .label("fill")
      .stx("dw", r2, r1, 0)
      .mov64(r0, 0)
      .exit()
      .insns();
    expect(fixed(program).insns[4]).toEqual(LEN_LOAD);
  });

  it("reaches callbacks through the argument that a helper hands on", () => {
    const bpfLoop = 181;
    const program = new ProgramBuilder()
      .stx("dw", r10, r1, -8)
      .mov64(r1, 4)
      .ldFunc(r2, "round")
      .mov64(r3, r10)
      .alu64("add", r3, -8)
      .mov64(r4, 0)
      .call(bpfLoop)
      .mov64(r0, 0)
      .exit()
      .label("round")
      .ldx("dw", r2, r2, 0)
      .ldx("w", r0, r2, LEN)
      .exit()
      .insns();
    expect(fixed(program).insns[11]).toEqual(LEN_LOAD);
  });

  it("keeps apart what two callbacks find at one place of a frame", () => {
    const program = new ProgramBuilder()
      .stx("dw", r10, r1, -8)
      .mov64(r1, r10)
      .alu64("add", r1, -8)
      .callLocal("first")
      .st("dw", r10, -8, 0)
      .mov64(r1, r10)
      .alu64("add", r1, -8)
      .callLocal("second")
      .mov64(r0, 0)
      .exit()
      .label("first")
      .ldx("dw", r2, r1, 0)
      .ldx("w", r0, r2, LEN)
      .exit()
      .label("second")
      .ldx("dw", r0, r1, 0)
      .exit()
      .insns();
    expect(fixed(program).insns[11]).toEqual(LEN_LOAD);
  });

  it("stays itself around a loop", () => {
    const program = new ProgramBuilder()
      .mov64(r6, r1)
      .mov64(r7, 10)
      .label("again")
      .ldx("w", r0, r6, LEN)
      .alu64("sub", r7, 1)
      .branch("jne", r7, 0, "again")
      .exit()
      .insns();
    expect(fixed(program).insns[2]!.off).toBe(layout.offset("sk_buff.len"));
  });
});

describe("refusals, in Linux's words", () => {
  it.each([
    ["socket_filter", 76, "w", "invalid bpf_context access off=76 size=4"],
    ["sched_cls", 96, "w", "invalid bpf_context access off=96 size=4"],
    ["sched_cls", 2, "w", "invalid bpf_context access off=2 size=4"],
    ["sched_cls", 0, "dw", "invalid bpf_context access off=0 size=8"],
    ["sched_cls", 76, "b", "invalid bpf_context access off=76 size=1"],
    ["sched_cls", 192, "w", "invalid bpf_context access off=192 size=4"],
    ["sched_cls", -4, "w", "invalid bpf_context access off=-4 size=4"],
    ["sched_cls", 181, "b", "invalid bpf_context access off=181 size=1"],
    ["xdp", 20, "w", "invalid bpf_context access off=20 size=4"],
    ["raw_tracepoint", 96, "dw", "invalid bpf_context access off=96 size=8"],
  ] as const)("%s: a read at %d", (type, offset, size, reason) => {
    expect(refusal(exit(new ProgramBuilder().ldx(size, r0, r1, offset)), type)).toEqual([0, reason]);
  });

  it("knows fields of an attach type", () => {
    const program = exit(new ProgramBuilder().ldx("w", r0, r1, 20));
    expect(() => fixed(program, { type: "xdp", attachType: BpfAttachType.XDP_DEVMAP })).not.toThrow();
    expect(() => fixed(program, { type: "xdp", attachType: BpfAttachType.XDP_CPUMAP })).toThrow(
      "invalid bpf_context",
    );
  });

  it("refuses writes of fields that are read-only", () => {
    expect(refusal(exit(new ProgramBuilder().st("w", r1, LEN, 1)))).toEqual([
      0,
      "invalid bpf_context access off=0 size=4",
    ]);
    expect(() => fixed(exit(new ProgramBuilder().st("w", r1, MARK, 1)))).not.toThrow();
  });

  it("refuses a context pointer that was moved", () => {
    const moved = (by: number) => exit(new ProgramBuilder().alu64("add", r1, by).ldx("w", r0, r1, 0));
    expect(refusal(moved(8))).toEqual([1, "dereference of modified ctx ptr R1 off=8 disallowed"]);
    expect(refusal(moved(-4))).toEqual([1, "negative offset ctx ptr R1 off=-4 disallowed"]);
    const variable = exit(
      new ProgramBuilder().ldx("w", r2, r1, LEN).alu64("add", r1, r2).ldx("w", r0, r1, 0),
    );
    expect(refusal(variable)[0]).toBe(2);
  });

  it("refuses atomic operations on the context", () => {
    expect(refusal(exit(new ProgramBuilder().mov64(r2, 1).atomic("add", "w", r1, r2, MARK)))).toEqual([
      1,
      "BPF_ATOMIC stores into R1 ctx is not allowed",
    ]);
  });

  it("names both paths where the register is the context only on one", () => {
    const map = exampleMap(BpfMapType.ARRAY, 1);
    const program = new ProgramBuilder()
      .ldx("w", r3, r1, MARK)
      .mov64(r6, r1)
      .branch("jeq", r3, 0, "join")
      .mov64(r6, r10)
      .label("join")
      .ldx("w", r0, r6, LEN)
      .exit()
      .insns();
    expect(() => fixed(program, { maps: new Map([[99, map]]) })).toThrow(
      "instruction 4: same insn cannot be used with different pointers: R6 is the context where the path comes from instruction 2, and something else from 3",
    );
  });

  it("lets such a register be, where nothing is accessed through it", () => {
    const program = new ProgramBuilder()
      .ldx("w", r3, r1, MARK)
      .branch("jeq", r3, 0, "join")
      .mov64(r1, 5)
      .label("join")
      .mov64(r0, 0)
      .exit()
      .insns();
    expect(() => fixed(program)).not.toThrow();
  });
});
