import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NotSupported } from "../../../src/base/index.ts";
import {
  ClassicCheckError,
  type ClassicContext,
  checkForm,
  type Insn,
  ProgramBuilder,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r6,
  r7,
  r8,
  r9,
  r10,
  runClassic,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
  type SockFilter,
  skBuffLowering,
  translateClassic,
} from "../../../src/isa/index.ts";
import { type Environment, evaluate } from "./ebpf.ts";
import { layout, op, validProgram } from "./programs.ts";

const CONTEXT = 0x1_0000_0000n;
const DEVICE = 0x2_0000_0000n;
const DATA = 0x3_0000_0000n;
const RANDOM = 0xfedc_ba98;

/** The bytes at a signed offset, as `bpf_skb_load_helper_*()` finds them. */
function load(packet: Uint8Array, context: ClassicContext, offset: number, size: number): number | undefined {
  let at = (context.start ?? 0) + offset;
  if (offset < 0) {
    if (offset >= SKF_NET_OFF) at = (context.network ?? Number.NaN) + offset - SKF_NET_OFF;
    else if (offset >= SKF_LL_OFF) at = (context.link ?? Number.NaN) + offset - SKF_LL_OFF;
    else return undefined;
  }
  if (!(at >= 0 && at + size <= packet.length)) return undefined;
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + packet[at + i]!;
  return value;
}

function hostFunctions(
  packet: Uint8Array,
  context: ClassicContext,
): Record<string, (r: readonly bigint[]) => bigint> {
  const loads = (size: number) => (r: readonly bigint[]) =>
    BigInt(load(packet, context, Number(BigInt.asIntN(32, r[4]!)), size) ?? -14);
  // What the netlink searches find is the machine's own business: tested with it.
  const search = (offset: number) => (r: readonly bigint[]) => {
    const program = [
      op("ld", "hex", Number(r[2]!)),
      op("ldx", "hex", Number(r[3]!)),
      op("ld", "abs", SKF_AD_OFF + offset),
      op("ret", "a"),
    ];
    return BigInt(runClassic(program, packet, context));
  };
  return {
    bpf_skb_load_helper_8: loads(1),
    bpf_skb_load_helper_16: loads(2),
    bpf_skb_load_helper_32: loads(4),
    bpf_skb_get_pay_offset: () => BigInt(context.payOffset ?? 0),
    bpf_skb_get_nlattr: search(12),
    bpf_skb_get_nlattr_nest: search(16),
    bpf_get_raw_cpu_id: () => BigInt(context.cpu ?? 0),
    bpf_user_rnd_u32: () => BigInt(RANDOM),
    helper7: () => BigInt(RANDOM),
    helper8: () => BigInt(context.cpu ?? 0),
  };
}

function runTranslated(
  program: SockFilter[],
  kernel: boolean,
  packet: Uint8Array,
  context: ClassicContext,
): number {
  const { insns, calls } = translateClassic(program, kernel ? skBuffLowering(layout) : undefined);
  const symbols = new Map(calls.map(({ slot, symbol }) => [slot, symbol]));
  const functions = hostFunctions(packet, context);
  const start = context.start ?? 0;
  const skb = new Uint8Array(256);
  const view = new DataView(skb.buffer);
  const device = new Uint8Array(256);
  const length = context.length ?? packet.length - start;
  const protocol = context.protocol ?? 0;
  const swapped = (value: number) => ((value & 0xff) << 8) | (value >> 8);
  if (kernel) {
    const { skBuff, netDevice } = layout;
    view.setUint32(skBuff.len, length, true);
    // The linear part is what was captured.
    view.setUint32(skBuff.dataLen, length - (packet.length - start), true);
    view.setBigUint64(skBuff.data, DATA + BigInt(start), true);
    view.setBigUint64(skBuff.dev, context.ifindex === undefined ? 0n : DEVICE, true);
    view.setUint16(skBuff.protocol, swapped(protocol), true);
    view.setUint8(skBuff.pktType, 0xf8 | (context.pktType ?? 0));
    view.setUint16(skBuff.queueMapping, context.queue ?? 0, true);
    view.setUint32(skBuff.mark, context.mark ?? 0, true);
    view.setUint32(skBuff.hash, context.rxhash ?? 0, true);
    view.setUint16(skBuff.vlanTci, context.vlanTag ?? 0, true);
    view.setUint16(skBuff.vlanProto, swapped(context.vlanTpid ?? 0), true);
    const deviceView = new DataView(device.buffer);
    deviceView.setUint32(netDevice.ifindex, context.ifindex ?? 0, true);
    deviceView.setUint16(netDevice.type, context.hatype ?? 0, true);
  } else {
    const present = (context.vlanTag ?? 0) !== 0 || (context.vlanTpid ?? 0) !== 0;
    const fields: [number, number][] = [
      [0, length],
      [4, context.pktType ?? 0],
      [8, context.mark ?? 0],
      [12, context.queue ?? 0],
      [16, swapped(protocol)],
      [20, present ? 1 : 0],
      [24, context.vlanTag ?? 0],
      [28, swapped(context.vlanTpid ?? 0)],
      [40, context.ifindex ?? 0],
      [68, context.rxhash ?? 0],
    ];
    for (const [offset, value] of fields) view.setUint32(offset, value, true);
  }
  const environment: Environment = {
    regions: [
      { base: CONTEXT, bytes: skb },
      { base: DEVICE, bytes: device },
      { base: DATA, bytes: packet },
    ],
    context: CONTEXT,
    call: (slot, r) => functions[symbols.get(slot) ?? `helper${insns[slot]!.imm}`]!(r),
    packet: (offset, size) => load(packet, context, offset, size),
  };
  return evaluate(insns, environment);
}

const contexts: fc.Arbitrary<ClassicContext> = fc.record(
  {
    start: fc.nat(4),
    network: fc.nat(20),
    link: fc.nat(6),
    protocol: fc.nat(0xffff),
    pktType: fc.nat(7),
    ifindex: fc.integer({ min: 1, max: 9 }),
    mark: fc.nat(0xffff_ffff),
    queue: fc.nat(0xffff),
    rxhash: fc.nat(0xffff_ffff),
    cpu: fc.nat(7),
    vlanTag: fc.nat(0xffff),
    vlanTpid: fc.constantFrom(0, 0x8100, 0x88a8),
    payOffset: fc.nat(100),
  },
  { requiredKeys: [] },
);
const packets = fc.uint8Array({ minLength: 4, maxLength: 60 });
const usesHatype = ({ code, k }: SockFilter): boolean =>
  [0x20, 0x28, 0x30].includes(code) && k >>> 0 === SKF_AD_OFF + 28;

describe("translateClassic", () => {
  it.each([
    ["struct sk_buff", true],
    ["struct __sk_buff", false],
  ])("over %s computes what the machine computes", (_, kernel) => {
    fc.assert(
      fc.property(validProgram, packets, contexts, (program, packet, given) => {
        if (!kernel) fc.pre(!program.some(usesHatype));
        const device = given.ifindex === undefined ? {} : { hatype: 772 };
        const context = { ...given, ...device, random: () => RANDOM };
        expect(runTranslated(program, kernel, packet, context)).toBe(runClassic(program, packet, context));
      }),
      { numRuns: 3000 },
    );
  });

  it("gives well-formed programs, and says where each instruction went", () => {
    fc.assert(
      fc.property(validProgram, (program) => {
        const { insns, slots } = translateClassic(program, skBuffLowering(layout));
        expect(checkForm(insns)).toEqual([]);
        expect(slots.length).toBe(program.length);
        for (let i = 1; i < slots.length; i++) expect(slots[i]).toBeGreaterThan(slots[i - 1]!);
      }),
    );
  });

  const prologue = (): ProgramBuilder => new ProgramBuilder().mov32(r0, 0).mov32(r7, 0).mov64(r6, r1);
  const kernelPrologue = (): ProgramBuilder =>
    new ProgramBuilder().alu32("xor", r0, r0).alu32("xor", r7, r7).mov64(r6, r1);
  const translated = (...program: SockFilter[]): Insn[] =>
    translateClassic([...program, op("ret", "a")]).insns;

  it("keeps A in r0, X in r7, the context in r6 and memory on the stack", () => {
    const program = [op("ld", "hex", -1), op("tax", "none"), op("stx", "mem", 2), op("ld", "mem", 2)];
    const expected = prologue()
      .mov32(r0, -1)
      .mov64(r7, r0)
      .stx("w", r10, r7, -12)
      .ldx("w", r0, r10, -12)
      .exit();
    expect(translated(...program)).toEqual(expected.insns());
    expect(translateClassic([...program, op("ret", "a")]).stackDepth).toBe(12);
  });

  it.each<[string, SockFilter, (code: ProgramBuilder) => ProgramBuilder]>([
    ["jf of 0 as one jump", op("jset", "hex", 4, 2, 0), (code) => code.branch("jset", r0, 4, 2)],
    ["jt of 0 as the opposite jump", op("jgt", "hex", 4, 0, 2), (code) => code.branch("jle", r0, 4, 2)],
    ["jt of 0 for X", op("jge", "x", 0, 0, 1), (code) => code.branch("jlt", r0, r7, 1)],
    ["jset, which has no opposite", op("jset", "x", 0, 0, 1), (code) => code.branch("jset", r0, r7, 1).ja(1)],
    ["both targets", op("jeq", "hex", 4, 1, 2), (code) => code.branch("jeq", r0, 4, 2).ja(2)],
    [
      "a negative constant",
      op("jeq", "hex", 0x8000_0000, 0, 1),
      (code) => code.mov32(r2, 0x8000_0000).branch("jne", r0, r2, 1),
    ],
  ])("translates %s", (_, branch, emit) => {
    const program = [branch, op("txa", "none"), op("txa", "none")];
    expect(translated(...program)).toEqual(emit(prologue()).mov64(r0, r7).mov64(r0, r7).exit().insns());
  });

  it("guards divisions by X", () => {
    const expected = prologue()
      .mov32(r7, r7)
      .branch("jne", r7, 0, 2)
      .alu32("xor", r0, r0)
      .exit()
      .alu32("mod", r0, r7)
      .exit();
    expect(translated(op("mod", "x"))).toEqual(expected.insns());
  });

  it("reads sk_buff as Linux does: inline where the linear part has the bytes, else by a call", () => {
    const { insns, calls } = translateClassic([op("ldh", "abs", 12), op("ret", "a")], skBuffLowering(layout));
    const expected = kernelPrologue()
      .ldx("dw", r8, r6, 200)
      .ldx("w", r9, r6, 112)
      .ldx("w", r2, r6, 116)
      .alu32("sub", r9, r2)
      .mov64(r2, r9)
      .alu64("sub", r2, 12)
      .branch("jslt", r2, 2, 3)
      .ldx("h", r0, r8, 12)
      .end("be", 16, r0)
      .ja(8)
      .mov64(r1, r6)
      .mov64(r2, r8)
      .mov64(r3, r9)
      .mov64(r4, 12)
      .call(-1)
      .branch("jsge", r0, 0, 2)
      .alu32("xor", r0, r0)
      .exit()
      .exit();
    expect(insns).toEqual(expected.insns());
    expect(calls).toEqual([{ slot: 17, symbol: "bpf_skb_load_helper_16" }]);
  });

  it("reads __sk_buff by packet instructions and fields", () => {
    const program = [op("ldb", "abs", 9), op("ld", "ind", 2), op("ldx", "len"), op("ld", "abs", SKF_AD_OFF)];
    const expected = prologue()
      .ldAbs("b", 9)
      .ldInd("w", r7, 2)
      .ldx("w", r7, r6, 0)
      .ldx("w", r0, r6, 16)
      .end("be", 16, r0)
      .exit();
    expect(translated(...program)).toEqual(expected.insns());
  });

  it("says that __sk_buff has no hardware type", () => {
    expect(() => translated(op("ldh", "abs", SKF_AD_OFF + 28))).toThrow(NotSupported);
  });

  it("takes a lowering of the caller's", () => {
    const seen: string[] = [];
    const lowering = {
      ...skBuffLowering(layout),
      ancillary: ({ code }: { code: ProgramBuilder }, name: string) => {
        seen.push(name);
        code.mov32(r0 as Register, 5);
      },
    };
    const { insns } = translateClassic([op("ldb", "abs", SKF_AD_OFF + 36), op("ret", "a")], lowering);
    expect(seen).toEqual(["cpu"]);
    expect(insns).toEqual(kernelPrologue().mov32(r0, 5).exit().insns());
  });

  it("refuses what the checker refuses", () => {
    expect(() => translateClassic([op("ld", "mem", 1), op("ret", "a")])).toThrow(ClassicCheckError);
  });

  it("refuses jumps that lie beyond 32,768 slots, as Linux does", () => {
    const filler = new Array<SockFilter>(2500).fill(op("ldh", "abs", 12));
    const late = [...filler, op("jeq", "hex", 1, 0, 0), op("ret", "a")];
    expect(() => translateClassic(late, skBuffLowering(layout))).toThrow(
      "instruction 2500: the jump to instruction",
    );
    const far = [op("ja", "target", 2500), ...filler, op("ret", "a")];
    expect(() => translateClassic(far, skBuffLowering(layout))).toThrow(
      "instruction 0: the jump to instruction 2501",
    );
    expect(translateClassic(late).insns.length).toBe(3 + 2500 + 2);
  });
});
