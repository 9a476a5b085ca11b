import { afterAll, expect, it } from "vitest";
import { Btf, parseBtfExt, writeBtf, writeBtfExt } from "../../src/btf/index.ts";
import { describeWith, referee } from "../support/referee.ts";
import { Workshop } from "./libbpf-referee.ts";

const clang = referee("clang", "clang-14");
const objdump = referee("llvm-objdump", "llvm-objdump-14");
const workshop = new Workshop();
afterAll(() => workshop.close());

const SOURCE = `struct s { int a; long b; } __attribute__((preserve_access_index));
static __attribute__((noinline)) int helper(struct s *s) { return s->a; }
__attribute__((section("xdp"))) int one(struct s *s) {
  return helper(s) + s->b;
}
__attribute__((section("tc"))) int two(struct s *s) { return s->b; }
`;

describeWith([clang, objdump], "BTF and BTF.ext of clang", () => {
  it.each(["bpfel", "bpfeb"])("are written as they were read, for %s", (target) => {
    const object = workshop.compile(target, SOURCE, "-target", target);
    const btf = Btf.parse(workshop.section(object, ".BTF"));
    expect(writeBtf(btf)).toEqual(btf.bytes);
    const bytes = workshop.section(object, ".BTF.ext");
    const ext = parseBtfExt(bytes, btf);
    expect(writeBtfExt(ext)).toEqual(bytes);
    expect(
      ext.funcInfo.map(({ section, records }) => [section, records.map((r) => btf.name(r.typeId))]),
    ).toEqual([
      ["xdp", ["one"]],
      [".text", ["helper"]],
      ["tc", ["two"]],
    ]);
    expect(ext.coreRelos.flatMap(({ records }) => records.map((r) => btf.string(r.accessOffset)))).toEqual([
      "0:1",
      "0:0",
      "0:1",
    ]);
  });

  it("give the source lines that llvm-objdump shows", () => {
    const object = workshop.compile("lines", SOURCE);
    const btf = Btf.parse(workshop.section(object, ".BTF"));
    const { lineInfo } = parseBtfExt(workshop.section(object, ".BTF.ext"), btf);
    for (const { section, records } of lineInfo) {
      const shown = objdump.run(["-S", "-j", section, object]).stdout;
      for (const record of records) {
        const text = btf.string(record.lineOffset).trim();
        expect(SOURCE.split("\n")[record.line - 1]!.trim()).toBe(text);
        expect(shown).toContain(text);
        expect(btf.string(record.fileOffset)).toMatch(/lines\.c$/);
      }
    }
  });
});
