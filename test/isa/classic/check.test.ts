import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ClassicCheckError,
  checkClassic,
  classicProblem,
  SKF_AD_OFF,
  type SockFilter,
} from "../../../src/isa/index.ts";
import { op, validProgram } from "./programs.ts";

const drop = op("ret", "dec", 0);

describe("classicProblem", () => {
  it.each<[string, SockFilter[], number, string]>([
    ["no instructions", [], 0, "expected 1 to 4096 instructions, got 0"],
    ["4097 instructions", new Array(4097).fill(drop), 0, "expected 1 to 4096 instructions, got 4097"],
    ["an unknown code", [drop, { ...drop, code: 0x1234 }, drop], 1, "unknown instruction code 0x1234"],
    ["a load of another size", [{ ...drop, code: 0x38 }, drop], 0, "unknown instruction code 0x38"],
    ["ret x", [{ ...drop, code: 0x0e }], 0, "unknown instruction code 0xe"],
    ["a division by 0", [op("div", "dec", 0), drop], 0, "div by zero"],
    ["a remainder by 0", [op("mod", "dec", 0), drop], 0, "mod by zero"],
    ["a shift by 32", [op("lsh", "dec", 32), drop], 0, "expected a shift below 32, got 32"],
    ["a negative shift", [op("rsh", "dec", -1), drop], 0, "expected a shift below 32, got 4294967295"],
    ["memory word 16", [op("st", "mem", 16), drop], 0, "expected a memory word below 16, got M[16]"],
    ["a jump to the end", [op("ja", "target", 1), drop], 0, "jump by 1 leaves the program"],
    ["a jump back", [op("ja", "target", -1), drop], 0, "jump by 4294967295 leaves the program"],
    ["a true branch outside", [op("jeq", "hex", 0, 1, 0), drop], 0, "jump true by 1 leaves the program"],
    ["a false branch outside", [op("jset", "x", 0, 0, 2), drop], 0, "jump false by 2 leaves the program"],
    [
      "unknown ancillary data",
      [op("ld", "abs", SKF_AD_OFF + 64), drop],
      0,
      "no ancillary data at SKF_AD_OFF + 64",
    ],
    ["ancillary data between two", [op("ldb", "abs", -1), drop], 0, "no ancillary data at SKF_AD_OFF + 4095"],
    ["an open end", [drop, op("tax", "none")], 1, "expected the last instruction to be ret, got tax"],
    ["unwritten memory", [op("ld", "mem", 3), drop], 0, "M[3] is read before it is written"],
    [
      "memory that one path left unwritten",
      [op("jeq", "hex", 1, 0, 1), op("st", "mem", 5), op("ldx", "mem", 5), drop],
      2,
      "M[5] is read before it is written",
    ],
  ])("refuses %s", (_, program, index, reason) => {
    expect(classicProblem(program)).toEqual({ index, reason });
    expect(() => checkClassic(program)).toThrow(ClassicCheckError);
    if (program.length < 10) expect(() => checkClassic(program)).toThrow(`instruction ${index}: ${reason}`);
  });

  it.each<[string, SockFilter[]]>([
    ["4096 instructions", new Array(4096).fill(drop)],
    ["a jump to the last one", [op("ja", "target", 0), drop]],
    ["negative offsets below SKF_AD_OFF", [op("ld", "abs", SKF_AD_OFF - 1), drop]],
    ["indirect loads of any offset", [op("ld", "ind", -1), drop]],
    ["header lengths at any offset", [op("ldxb", "msh", -1), drop]],
    [
      "memory that both paths wrote",
      [
        op("jeq", "hex", 1, 0, 2),
        op("st", "mem", 5),
        op("ja", "target", 1),
        op("stx", "mem", 5),
        op("ldx", "mem", 5),
        drop,
      ],
    ],
    ["unwritten memory in unreachable code", [op("ja", "target", 1), op("ld", "mem", 1), drop]],
  ])("accepts %s", (_, program) => {
    expect(classicProblem(program)).toBeNull();
  });

  it("names EINVAL", () => {
    expect(new ClassicCheckError({ index: 3, reason: "why" })).toMatchObject({ errno: "EINVAL", index: 3 });
  });

  it("accepts the programs that the other tests generate", () => {
    fc.assert(fc.property(validProgram, (program) => classicProblem(program) === null));
  });
});
