import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Operation, ROWS } from "../../src/isa/index.ts";

describe("the instruction table", () => {
  it("has dense ids, unique names and unique encodings", () => {
    expect(ROWS.map((row) => row.id)).toEqual(ROWS.map((_, index) => index));
    expect(new Set(ROWS.map((row) => row.name)).size).toBe(ROWS.length);
    const encodings = ROWS.map((row) => [row.opcode, row.src, row.off, row.imm].join("/"));
    expect(new Set(encodings).size).toBe(ROWS.length);
  });

  it("uses every operation, and operations are dense", () => {
    const values = Object.values(Operation);
    expect(values).toEqual(values.map((_, index) => index));
    const used = new Set<number>(ROWS.map((row) => row.operation));
    expect(values.filter((value) => !used.has(value))).toEqual([]);
  });

  it("counts what RFC 9669 and Linux 6.18 count", () => {
    const count = (name: string) => ROWS.filter((row) => row.group === name).length;
    expect({
      base32: count("base32"),
      base64: count("base64"),
      atomic32: count("atomic32"),
      atomic64: count("atomic64"),
      divmul32: count("divmul32"),
      divmul64: count("divmul64"),
      packet: count("packet"),
      callx: count("callx"),
      linux: count("linux"),
    }).toEqual({
      // alu 9×2, movsx 2, neg, le/be/bswap 16/32 6, jmp32 11×2, ja, gotol, calls 3, exit, mem 3×3, memsx 3
      base32: 18 + 2 + 1 + 6 + 22 + 2 + 3 + 1 + 9 + 3,
      // alu64 9×2, movsx 3, neg, le64 be64 bswap64, jmp 22, mem dw 3, lddw kinds 7
      base64: 18 + 3 + 1 + 3 + 22 + 3 + 7,
      atomic32: 10,
      atomic64: 10,
      divmul32: 10,
      divmul64: 10,
      packet: 6,
      callx: 2,
      // may_goto, addr_space_cast, load_acquire and store_release in four sizes
      linux: 2 + 8,
    });
  });

  it("keeps fields and operands in step", () => {
    for (const row of ROWS) {
      expect([row.name, row.dstAccess !== "none"]).toEqual([row.name, row.dst === "register"]);
      expect([row.name, row.srcAccess !== "none"]).toEqual([row.name, row.src === "register"]);
      if (row.size !== 0) expect([row.name, row.width]).toEqual([row.name, row.size * 8]);
      expect([row.name, row.class]).toEqual([row.name, row.opcode % 8]);
    }
  });

  it("is the only list of opcodes in src", () => {
    const root = new URL("../../src", import.meta.url).pathname;
    const allowed = /^isa\/(opcode|table)\b/;
    // A comparison, case or assignment of an opcode with a literal, other than the 0 of a wide load's second slot.
    const literal = /\bopcode\b\s*(?:[!=]==|[:=&|])\s*(?:0x[0-9a-fA-F]+|[1-9][0-9]*)/;
    // Several of their numbers as cases, keys or pairs: a table, whatever it is called.
    const listed = /(?:\bcase\s+|\[|^\s*)(0x[0-9a-fA-F]{2})\s*[,:]/g;
    const numbers = new Set(ROWS.map(({ opcode }) => opcode));
    const offenders: string[] = [];
    for (const entry of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      // Classic BPF has other codes and a table of its own; its machine is tested against that one.
      if (!entry.endsWith(".ts") || allowed.test(entry) || entry.includes("classic")) continue;
      const text = readFileSync(join(root, entry), "utf8");
      const list = [...text.matchAll(listed)].map((match) => Number(match[1]));
      // WebAssembly has opcodes, too.
      if (
        !entry.startsWith("wasm/") &&
        text.includes("opcode") &&
        list.filter((number) => numbers.has(number)).length > 1
      ) {
        offenders.push(`${entry}: ${list.length} numbers`);
      }
      const lines = text.split("\n");
      for (const [index, line] of lines.entries()) {
        const code = line.replace(/\/\/.*|^\s*\*.*/, "");
        if (literal.test(code) || /\bBPF_(ALU64|JMP32|LDX|STX)\s*[|:=]/.test(code)) {
          offenders.push(`${entry}:${index + 1}`);
        }
      }
    }
    expect(offenders).toEqual([]);
  });
});
