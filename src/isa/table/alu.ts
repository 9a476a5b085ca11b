import { AluCode, Class, Source } from "../opcode.ts";
import { Operation } from "../row.ts";
import { type AddRow, SOURCES } from "./define.ts";

/** The widths and classes that arithmetic comes in. */
const WIDTHS = [
  { width: 64, class: Class.alu64, base: "base64", divmul: "divmul64" },
  { width: 32, class: Class.alu, base: "base32", divmul: "divmul32" },
] as const;
const BINARY = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "mod", "xor", "mov", "arsh"] as const;
const MULTIPLICATIVE: readonly string[] = ["mul", "div", "mod"];
const SIGNED_DIVISION = [
  ["sdiv", AluCode.div],
  ["smod", AluCode.mod],
] as const;

/** Arithmetic, moves, byte order (RFC 9669 sections 4.1 and 4.2) and Linux's casts of addresses. */
export function aluRows(add: AddRow): void {
  for (const { width, class: cls, base, divmul } of WIDTHS) {
    for (const name of BINARY) {
      for (const { letter, bit, source, src, imm, srcAccess } of SOURCES) {
        add({
          name: `${name}${width}_${letter}`,
          opcode: cls | bit | AluCode[name],
          kind: "alu",
          operation: Operation[name],
          group: MULTIPLICATIVE.includes(name) ? divmul : base,
          width,
          source,
          dst: "register",
          dstAccess: name === "mov" ? "write" : "both",
          src,
          srcAccess,
          imm,
        });
      }
    }
    for (const [name, code] of SIGNED_DIVISION) {
      for (const { letter, bit, source, src, imm, srcAccess } of SOURCES) {
        add({
          name: `${name}${width}_${letter}`,
          opcode: cls | bit | code,
          kind: "alu",
          operation: Operation[name],
          group: divmul,
          width,
          source,
          dst: "register",
          dstAccess: "both",
          src,
          srcAccess,
          off: 1,
          imm,
          version: 4,
        });
      }
    }
    for (const extend of [8, 16, 32] as const) {
      if (extend >= width) continue;
      add({
        name: `movsx${width}_s${extend}`,
        opcode: cls | Source.x | AluCode.mov,
        kind: "alu",
        operation: Operation.movsx,
        group: base,
        width,
        extend,
        source: "reg",
        dst: "register",
        dstAccess: "write",
        src: "register",
        srcAccess: "read",
        off: extend,
        version: 4,
      });
    }
    add({
      name: `neg${width}`,
      opcode: cls | AluCode.neg,
      kind: "neg",
      operation: Operation.neg,
      group: base,
      width,
      dst: "register",
      dstAccess: "both",
    });
  }

  for (const [name, operation, opcode] of [
    ["le", Operation.toLe, Class.alu | Source.k | AluCode.end],
    ["be", Operation.toBe, Class.alu | Source.x | AluCode.end],
    ["bswap", Operation.bswap, Class.alu64 | Source.k | AluCode.end],
  ] as const) {
    for (const width of [16, 32, 64] as const) {
      add({
        name: `${name}${width}`,
        opcode,
        kind: "end",
        operation,
        group: width === 64 ? "base64" : "base32",
        width,
        dst: "register",
        dstAccess: "both",
        imm: width,
        version: name === "bswap" ? 4 : 1,
      });
    }
  }

  // The kernel tells these from a mov by `off`: BPF_ADDR_SPACE_CAST and, after its verifier, BPF_ADDR_PERCPU.
  add({
    name: "addr_space_cast",
    opcode: Class.alu64 | Source.x | AluCode.mov,
    kind: "cast",
    operation: Operation.addrSpaceCast,
    group: "linux",
    width: 64,
    source: "reg",
    dst: "register",
    dstAccess: "write",
    src: "register",
    srcAccess: "read",
    off: 1,
    imm: "value",
  });
  add({
    name: "percpu_address",
    opcode: Class.alu64 | Source.x | AluCode.mov,
    kind: "cast",
    operation: Operation.percpuAddress,
    group: "internal",
    width: 64,
    source: "reg",
    dst: "register",
    dstAccess: "write",
    src: "register",
    srcAccess: "read",
    off: -1,
    version: 0,
  });
}
