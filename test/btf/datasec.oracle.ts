import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Btf, fixDatasecs } from "../../src/btf/index.ts";
import { openElf, SymbolBinding, SymbolType } from "../../src/elf/index.ts";
import { describeWith, referee } from "../support/referee.ts";
import { libbpf, Workshop } from "./libbpf-referee.ts";

const clang = referee("clang", "clang-14");
const workshop = new Workshop();
afterAll(() => workshop.close());

describeWith([clang, libbpf], "fixDatasecs against libbpf", () => {
  it("leaves the BTF that libbpf has after opening the object", () => {
    const object = workshop.compile(
      "sections",
      `char _license[] __attribute__((section("license"))) = "GPL";
       int first = 1; long second = 2; static int hidden_by_linkage = 3; __attribute__((visibility("hidden"))) int hidden = 4;
       int zeroed[5]; static char also_zeroed; const int constant = 6; static const volatile int tuned = 7;
       int custom __attribute__((section(".data.custom"))) = 8; __attribute__((weak)) int weak = 9;
       __attribute__((section("raw_tp/x"))) int prog(void *ctx) {
         return first + second++ + hidden_by_linkage++ + hidden++ + zeroed[3]++ + also_zeroed++ + constant + tuned + custom++ + weak; }`,
    );
    const file = openElf(new Uint8Array(readFileSync(object)));
    const globals = file
      .symbols()
      .filter(({ type, binding }) => type === SymbolType.OBJECT && binding !== SymbolBinding.LOCAL);
    const ours = fixDatasecs(Btf.parse(workshop.section(object, ".BTF")), {
      sectionSize: (name) => file.section(name)?.size,
      variable: (name) => {
        const symbol = globals.find((candidate) => candidate.name === name);
        return symbol && { offset: Number(symbol.value), hidden: symbol.visibility !== 0 };
      },
    });
    workshop.libbpf("open", workshop.path("theirs.btf"), object);
    const theirs = Btf.parse(workshop.read("theirs.btf"));
    const types = (btf: Btf) => Array.from({ length: btf.count }, (_, id) => btf.type(id));
    expect(types(ours)).toEqual(types(theirs));
    expect(types(ours).filter((type) => type.kind === "DATASEC")).toHaveLength(5);
  });
});
