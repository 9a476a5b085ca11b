import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { assemble, disassemble } from "../../src/asm/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { encode, type InsnRow, Operation, ROWS } from "../../src/isa/index.ts";
import { insnsOf } from "../isa/arbitrary.ts";
import { describeWith, referee } from "../support/referee.ts";

const clang = referee("clang-14");
const folder = mkdtempSync(join(tmpdir(), "tsbpf-llvm-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the assembler of LLVM 14 can write. */
function inLlvm14(row: InsnRow): boolean {
  const later: readonly number[] = [
    Operation.mod,
    Operation.sdiv,
    Operation.smod,
    Operation.movsx,
    Operation.jset,
  ];
  if (row.version === 0 || row.version === 4 || row.group === "linux" || later.includes(row.operation))
    return false;
  if (row.kind === "store") return row.source === "reg";
  if (row.kind === "wide") return row.name === "ld_imm64_imm";
  // Its assembler cannot read the fetching ones that its printer writes.
  if (row.kind === "atomic") return !row.fetch && (row.size === 8 || row.name === "atomic_add_w");
  if (row.kind === "call") return row.name === "call_helper";
  return row.kind !== "packet";
}

function assembled(text: string): Uint8Array {
  const source = join(folder, "in.s");
  const object = join(folder, "out.o");
  writeFileSync(source, `.text\n${text}`);
  const { status, stderr } = clang.run(["-target", "bpf", "-c", source, "-o", object]);
  if (status !== 0) throw new Error(stderr);
  const elf = openElf(new Uint8Array(readFileSync(object)));
  return elf.data(elf.section(".text")!);
}

describeWith([clang], "LLVM 14's assembler", () => {
  it("gives the same bytes for what we print", () => {
    const rows = ROWS.filter(inLlvm14);
    expect(rows.length).toBeGreaterThan(90);
    const insns = rows.flatMap((row) => fc.sample(insnsOf(row), { numRuns: 8, seed: 5 }).flat());
    expect(assembled(disassemble(insns))).toEqual(encode(insns));
  });

  it("and we for what clang -S writes, which its assembler cannot always read", () => {
    const source = join("testdata", "asm", "objdump", "mixed.c");
    const object = join(folder, "mixed.o");
    for (const cpu of ["v1", "v2", "v3"]) {
      const flags = ["-target", "bpf", "-O2", `-mcpu=${cpu}`, source];
      const text = clang.run([...flags, "-S", "-o", "-"]).stdout;
      clang.bytes([...flags, "-c", "-o", object]);
      const elf = openElf(new Uint8Array(readFileSync(object)));
      // Functions without data or calls of others, whose addresses would need relocations.
      for (const name of ["charge", "mix"]) {
        const start = text.indexOf(`\n${name}:`);
        const body = text.slice(start, text.indexOf(".Lfunc_end", start));
        const symbol = elf.symbols().find((each) => each.name === name)!;
        const from = Number(symbol.value);
        const bytes = elf.data(symbol.section!).subarray(from, from + Number(symbol.size));
        expect(encode(assemble(body).insns), `${name} ${cpu}`).toEqual(new Uint8Array(bytes));
      }
    }
  });
});
