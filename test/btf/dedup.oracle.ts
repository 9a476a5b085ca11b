import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Btf, BtfBuilder, deduplicate, writeBtf } from "../../src/btf/index.ts";
import { describeWith, fixture, referee } from "../support/referee.ts";
import { randomUnits } from "./c-units.ts";
import { libbpf, Workshop } from "./libbpf-referee.ts";

const clang = referee("clang", "clang-14");
const bpftool = referee("bpftool");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");

const workshop = new Workshop();
afterAll(() => workshop.close());

/** Types and strings, without the header, whose length differs between versions of libbpf. */
function body(bytes: Uint8Array): Uint8Array {
  const { header } = Btf.parse(bytes);
  return bytes.subarray(header.typeStart, header.stringEnd);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function appended(btfs: readonly Btf[]): Btf {
  const builder = new BtfBuilder();
  for (const btf of btfs) builder.append(btf);
  return Btf.parse(builder.finish());
}

describeWith([vmlinux, libbpf], "deduplicate against libbpf", () => {
  it("merges two copies of a kernel's types to the same bytes", () => {
    const kernel = Btf.parse(vmlinux.bytes());
    const ours = deduplicate(appended([kernel, kernel]), { keepStrings: true }).bytes;
    workshop.libbpf("dedup", workshop.path("theirs.btf"), vmlinux.path, vmlinux.path);
    expect(same(body(ours), body(workshop.read("theirs.btf")))).toBe(true);
  });
});

describeWith([clang, libbpf], "deduplicate against a recent libbpf", () => {
  const version = libbpf.present ? Number(workshop.libbpf("version").stdout.split(".")[1]) : 0;
  const major = libbpf.present ? Number(workshop.libbpf("version").stdout.split(".")[0]) : 0;

  // Typedefs became part of the struct pass in libbpf 1.6, which changes which of several equal types stays.
  it.skipIf(major === 1 && version < 6)("merges random compilation units to the same bytes", () => {
    for (let world = 1; world <= 4; world++) {
      const units = randomUnits(world, 5).map((source, i) => workshop.compile(`w${world}-${i}`, source));
      const files = units.map((unit, i) =>
        workshop.write(`w${world}-${i}.btf`, workshop.section(unit, ".BTF")),
      );
      const btfs = files.map((file) => Btf.parse(new Uint8Array(readFileSync(file))));
      const ours = deduplicate(appended(btfs.slice(0, 3)), { keepStrings: true }).bytes;
      workshop.libbpf("dedup", workshop.path("theirs.btf"), ...files.slice(0, 3));
      expect(same(body(ours), body(workshop.read("theirs.btf")))).toBe(true);

      const base = Btf.parse(ours);
      const builder = new BtfBuilder({ base });
      for (const btf of btfs.slice(2)) builder.append(btf);
      const split = builder.finish();
      const merged = deduplicate(Btf.parse(split, { base })).bytes;
      workshop.libbpf(
        "split",
        workshop.path("theirs.btf"),
        workshop.write("base.btf", ours),
        workshop.write("split.btf", split),
      );
      expect(same(merged, workshop.read("theirs.btf"))).toBe(true);
    }
  });
});

describeWith([clang, bpftool], "linked types against bpftool gen object", () => {
  const dump = (path: string) => bpftool.run(["btf", "dump", "file", path]).stdout;

  it("gives the same types and ids for units that share structs, unions and enums", () => {
    // No pointers to other structs, which clang makes forward declarations of: libbpf 1.1 does not resolve all of
    // them, later versions do.
    const shared = `struct node { struct node *next; enum color { RED, BLUE = 7 } color; };
      struct payload { int size; struct node owner; unsigned long long words[4]; };
      union value { unsigned long whole; struct { int low, high; }; char bytes[8]; };`;
    const used = `__attribute__((used, section("xdp"))) static`;
    const sources = [
      `${shared} ${used} int one(struct node *n, union value *v) { return n->color + v->low; }`,
      `struct lead { short first; }; ${shared}
       ${used} int two(struct lead *l, struct payload *p) { return l->first + p->size + p->owner.color; }`,
      `${shared} struct other { const volatile int a; int b:3; int c:5; };
       ${used} int three(struct payload *p, struct other *o, int (*call)(struct other *)) { return p->size + o->b + (call != 0); }`,
    ];
    const objects = sources.map((source, i) => workshop.compile(`unit${i}`, source));
    const linked = workshop.path("linked.o");
    expect(bpftool.run(["gen", "object", linked, ...objects]).stderr).toBe("");
    const ours = deduplicate(
      appended(objects.map((object) => Btf.parse(workshop.section(object, ".BTF")))),
    ).bytes;
    expect(dump(workshop.write("ours.btf", ours))).toBe(dump(linked));
  });

  it("writes BTF of both byte orders that bpftool reads alike", () => {
    const object = workshop.compile(
      "order",
      "struct s { int a; long b[3]; } x; int f(struct s *p) { return p->a; }",
    );
    const btf = Btf.parse(workshop.section(object, ".BTF"));
    const little = dump(workshop.write("little.btf", writeBtf(btf, { endian: "little" })));
    expect(little).toContain("STRUCT 's' size=32 vlen=2");
    expect(dump(workshop.write("big.btf", writeBtf(btf, { endian: "big" })))).toBe(little);
  });
});
