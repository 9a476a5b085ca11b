import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AsmDialect, assemble, disassemble } from "../../src/asm/index.ts";
import { CompileError } from "../../src/base/index.ts";
import { ROWS } from "../../src/isa/index.ts";
import { insnsOf } from "../isa/arbitrary.ts";

const WORDS = [
  ..."r1 r10 w2 r99 %r1 [%r1+8] = += s>>= s/= ( ) *(u32 (u64 *)(r1 + - 8 0x7fffffff 0b1 ll ; # // /* */ , : goto if call lock".split(
    " ",
  ),
  ..."fetch exit map[id: ] & ^ ! < > atomic_fetch_add( xchg_64( cmpxchg32_32( load_acquire( skb[ kfunc( pc 1f 1b .insn probe".split(
    " ",
  ),
  ..."0: (bf) 12: .text mov32 ldxw stb lddw jeq local runtime \n \t é \u0000".split(" "),
  "\n",
];

describe("assemble", () => {
  it.each<AsmDialect>(["pseudoc", "ubpf"])(
    "meets any text with instructions or a CompileError, %s",
    (dialect) => {
      const valid = fc
        .constantFrom(...ROWS)
        .chain(insnsOf)
        .map((insns) => disassemble(insns, { dialect }));
      const noise = fc.array(fc.constantFrom(...WORDS), { maxLength: 12 }).map((words) => words.join(" "));
      const cut = fc
        .tuple(valid, fc.nat(40), fc.nat(6), noise)
        .map(([text, at, count, words]) => text.slice(0, at) + words + text.slice(at + count));
      fc.assert(
        fc.property(fc.array(fc.oneof(valid, noise, cut), { maxLength: 6 }), (lines) => {
          try {
            const { insns, spans } = assemble(lines.join("\n"), { dialect });
            expect(spans.length).toBe(insns.length);
          } catch (error) {
            if (!(error instanceof CompileError)) throw error;
            expect(error.diagnostics.length).toBeGreaterThan(0);
          }
        }),
        { numRuns: 3000 },
      );
    },
  );

  it("takes time in proportion to the text", () => {
    const start = performance.now();
    for (const line of ["/*", "r1 = ", "1: ", "r1 = 1; ", "a: ", ";", "(", "<", "call x#", "-", "0", "0: "]) {
      try {
        assemble(line.repeat(200_000));
      } catch (error) {
        expect(error).toBeInstanceOf(CompileError);
      }
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it("stops after a hundred errors", () => {
    let error: unknown;
    try {
      assemble("nonsense\n".repeat(1000));
    } catch (thrown) {
      error = thrown;
    }
    expect((error as CompileError).diagnostics).toHaveLength(100);
  });

  it("gives each slot the text it came from", () => {
    const { spans, source } = assemble("  r1 = 1 ll # x\n\nexit");
    expect(spans.map(({ start, end }) => source.text.slice(start, end).trim())).toEqual([
      "r1 = 1 ll",
      "r1 = 1 ll",
      "exit",
    ]);
  });
});
