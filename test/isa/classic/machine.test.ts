import { describe, expect, it } from "vitest";
import {
  type ClassicContext,
  ClassicMachine,
  runClassic,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
  type SockFilter,
} from "../../../src/isa/index.ts";
import { op } from "./programs.ts";

const packet = Uint8Array.of(0x81, 0x02, 0x03, 0x04, 0x45, 0xff, 0xfe, 0xfd);
const accept = op("ret", "a");

function resultOf(program: SockFilter[], context?: ClassicContext): number {
  return runClassic([...program, accept], packet, context);
}

describe("ClassicMachine", () => {
  it.each<[string, SockFilter[], number]>([
    ["a word", [op("ld", "abs", 0)], 0x8102_0304],
    ["the last word", [op("ld", "abs", 4)], 0x45ff_fefd],
    ["a word past the end", [op("ld", "abs", 5)], 0],
    ["a half word", [op("ldh", "abs", 6)], 0xfefd],
    ["a half word past the end", [op("ldh", "abs", 7)], 0],
    ["a byte", [op("ldb", "abs", 7)], 0xfd],
    ["a byte past the end", [op("ldb", "abs", 8)], 0],
    ["a byte at X", [op("ldx", "hex", 3), op("ldb", "ind", 2)], 0xff],
    ["a byte at X that wraps", [op("ldx", "hex", 3), op("ldb", "ind", -3)], 0x81],
    ["a byte before the packet", [op("ldx", "hex", 3), op("ldb", "ind", -4)], 0],
    ["a half word at X", [op("ldx", "hex", 2), op("ldh", "ind", 0)], 0x0304],
    ["a word at X", [op("ldx", "hex", 4), op("ld", "ind", 0)], 0x45ff_fefd],
    ["a header's length", [op("ldxb", "msh", 4), op("txa", "none")], 20],
    ["the length", [op("ld", "len")], 8],
    ["the length in X", [op("ldx", "len"), op("txa", "none")], 8],
    ["memory", [op("ld", "hex", 7), op("st", "mem", 15), op("ldx", "mem", 15), op("txa", "none")], 7],
    ["a difference below 0", [op("sub", "dec", 1)], 0xffff_ffff],
    ["a product of 64 bits", [op("ld", "hex", 0xffff_ffff), op("mul", "dec", 0xffff_fffe)], 2],
    ["an unsigned quotient", [op("ld", "hex", 0xffff_ffff), op("div", "dec", 2)], 0x7fff_ffff],
    ["a quotient above 2^31", [op("ld", "hex", 0xffff_ffff), op("div", "dec", 1)], 0xffff_ffff],
    ["an unsigned remainder", [op("ld", "hex", 0xffff_fffe), op("mod", "dec", 0xffff_ffff)], 0xffff_fffe],
    ["a shift by 33 in X", [op("ld", "hex", 1), op("ldx", "hex", 33), op("lsh", "x")], 2],
    ["a logical shift", [op("ld", "hex", 0x8000_0000), op("rsh", "dec", 31)], 1],
    ["a negation", [op("ld", "hex", 1), op("neg", "none")], 0xffff_ffff],
    ["an unsigned comparison", [op("ld", "hex", -1), op("jgt", "hex", 1, 0, 1), op("ld", "hex", 9)], 9],
  ])("computes %s", (_, program, expected) => {
    expect(resultOf(program)).toBe(expected);
  });

  it("ends with 0 on a division by an X of 0", () => {
    expect(resultOf([op("ld", "hex", 7), op("div", "x"), op("ld", "hex", 9)])).toBe(0);
    expect(resultOf([op("ld", "hex", 7), op("mod", "x"), op("ld", "hex", 9)])).toBe(0);
  });

  it("ends with 0 on a load outside, whatever A is", () => {
    expect(resultOf([op("ld", "hex", 7), op("ldxb", "msh", 8), op("ld", "hex", 9)])).toBe(0);
  });

  it("starts each run with registers of 0", () => {
    const machine = new ClassicMachine([op("add", "dec", 1), op("tax", "none"), accept]);
    expect([machine.run(packet), machine.run(packet)]).toEqual([1, 1]);
  });

  it("counts offsets from start, and negative ones from the headers", () => {
    const context = { start: 4, network: 2, link: 0, length: 1500 };
    expect(resultOf([op("ldb", "abs", 0)], context)).toBe(0x45);
    expect(resultOf([op("ldb", "abs", 4)], context)).toBe(0);
    expect(resultOf([op("ldh", "abs", SKF_NET_OFF)], context)).toBe(0x0304);
    expect(resultOf([op("ldh", "abs", SKF_LL_OFF + 1)], context)).toBe(0x0203);
    expect(resultOf([op("ldx", "hex", 1), op("ldb", "ind", SKF_LL_OFF)], context)).toBe(0x02);
    expect(resultOf([op("ldb", "abs", SKF_LL_OFF + 8)], context)).toBe(0);
    expect(resultOf([op("ldb", "abs", SKF_LL_OFF - 1)], context)).toBe(0);
    expect(resultOf([op("ld", "len")], context)).toBe(1500);
    expect(resultOf([op("ldb", "abs", SKF_NET_OFF)])).toBe(0);
    expect(resultOf([op("ldb", "abs", SKF_LL_OFF)])).toBe(0);
  });

  it("loads ancillary data", () => {
    const context: ClassicContext = {
      protocol: 0x86dd,
      pktType: 4,
      ifindex: 3,
      mark: 0xdead_beef,
      queue: 2,
      hatype: 772,
      rxhash: 0x8000_0001,
      cpu: 5,
      vlanTag: 0x2005,
      vlanTpid: 0x8100,
      payOffset: 42,
      random: () => 0xffff_fffe,
    };
    const load = (offset: number) => resultOf([op("ld", "abs", SKF_AD_OFF + offset)], context);
    const offsets = [0, 4, 8, 20, 24, 28, 32, 36, 44, 48, 52, 56, 60];
    expect(offsets.map(load)).toEqual([
      0x86dd, 4, 3, 0xdead_beef, 2, 772, 0x8000_0001, 5, 0x2005, 1, 42, 0xffff_fffe, 0x8100,
    ]);
    const xor = [op("ld", "hex", 0xf0), op("ldx", "hex", 0xff), op("ld", "abs", SKF_AD_OFF + 40)];
    expect(resultOf(xor)).toBe(0x0f);
  });

  it("ends with A where there is no device to ask", () => {
    for (const offset of [8, 28]) {
      const program = [op("ld", "hex", 77), op("ldb", "abs", SKF_AD_OFF + offset), op("ld", "hex", 1)];
      expect(resultOf(program)).toBe(77);
    }
  });

  it("finds netlink attributes", () => {
    // type 1 with 5 bytes, padded; type 2, nested flag, holding type 7.
    const message = Uint8Array.of(
      5, 0, 1, 0, 9, 0, 0, 0,
      12, 0, 2, 0x80, 8, 0, 7, 0, 1, 2, 3, 4,
    ); // biome-ignore format: attributes by line
    const find = (offset: number, from: number, type: number) =>
      runClassic(
        [op("ldx", "hex", type), op("ld", "hex", from), op("ld", "abs", SKF_AD_OFF + offset), accept],
        message,
      );
    expect([find(12, 0, 1), find(12, 0, 2), find(12, 0, 3), find(12, 8, 2)]).toEqual([0, 8, 0, 8]);
    expect([find(16, 8, 7), find(16, 8, 2), find(16, 0, 7)]).toEqual([12, 0, 0]);
    expect([find(12, 17, 1), find(16, 0xffff_ffff, 1)]).toEqual([0, 0]);
  });
});
