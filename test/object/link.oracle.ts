import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Btf } from "../../src/btf/index.ts";
import { openElf, SectionType } from "../../src/elf/index.ts";
import { link, minCoreBtf, type ObjectSpec, open } from "../../src/object/index.ts";
import { describeWith, fixture, referee } from "../support/referee.ts";

const bpftool = referee("bpftool");
const clang = referee("clang", "clang-14");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");

const dir = mkdtempSync(join(tmpdir(), "tsbpf-link-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const read = (path: string) => new Uint8Array(readFileSync(path));
const object = (name: string) => join("testdata", "objects", `${name}.bpf.o`);

function compile(name: string, source: string): string {
  const path = join(dir, `${name}.o`);
  writeFileSync(join(dir, `${name}.c`), source);
  const include = "-I/usr/include/x86_64-linux-gnu";
  const args = ["-target", "bpf", "-g", "-O2", "-mcpu=v3", include, "-c", join(dir, `${name}.c`), "-o", path];
  const { status, stderr } = clang.run(args);
  if (status !== 0) throw new Error(stderr);
  return path;
}

/** Both linkers' results, as files of one name, since that is in the names of maps. */
function linked(paths: readonly string[]): { ours: string; theirs: string } {
  const ours = join(mkdtempSync(join(dir, "ours-")), "linked.bpf.o");
  const theirs = join(mkdtempSync(join(dir, "theirs-")), "linked.bpf.o");
  writeFileSync(ours, link(paths.map((path) => ({ name: basename(path), bytes: read(path) }))));
  const { status, stderr } = bpftool.run(["gen", "object", theirs, ...paths]);
  if (status !== 0) throw new Error(stderr);
  return { ours, theirs };
}

/** Contents of code and data, by section. */
function contents(path: string): Map<string, string> {
  const file = openElf(read(path));
  const sections = new Map<string, string>();
  for (const section of file.sections) {
    if (section.index === 0 || section.name.startsWith(".BTF")) continue;
    if (section.type !== SectionType.PROGBITS && section.type !== SectionType.NOBITS) continue;
    const { size, alignment, flags } = section;
    const hex = Buffer.from(file.data(section)).toString("hex");
    sections.set(section.name, `${size} bytes, aligned to ${alignment}, flags ${flags}: ${hex}`);
  }
  return new Map([...sections].sort());
}

/** Symbols without their order and the numbers of their sections. */
function symbols(path: string): string[] {
  return openElf(read(path))
    .symbols()
    .map(({ name, section, place, value, size, type, binding, visibility }) =>
      [name || section?.name, section?.name ?? place, value, size, type, binding, visibility].join(" "),
    )
    .sort();
}

/** What the kernel would be given of an object. */
function shown(spec: ObjectSpec) {
  const { btf: _, programs, maps, ...rest } = spec;
  return { ...rest, programs: [...programs.values()], maps: [...maps].sort(([a], [b]) => (a < b ? -1 : 1)) };
}

function expectSame({ ours, theirs }: { ours: string; theirs: string }): void {
  expect(contents(ours)).toEqual(contents(theirs));
  expect(symbols(ours)).toEqual(symbols(theirs));
  const dump = (path: string) => bpftool.run(["btf", "dump", "file", path]).stdout;
  expect(dump(ours)).toBe(dump(theirs));
  for (const section of [".BTF", ".BTF.ext"]) {
    const types = (path: string) => {
      const file = openElf(read(path));
      return Buffer.from(file.data(file.section(section)!)).toString("hex");
    };
    expect(types(ours)).toBe(types(theirs));
  }
  expect(shown(open(read(ours), { name: ours }))).toEqual(shown(open(read(theirs), { name: theirs })));
}

describeWith([bpftool], "link against bpftool gen object", () => {
  it.each([
    "functions",
    "callbacks",
    "data",
    "maps-in-map",
    "externs-kconfig",
    "core-fields",
    "struct-ops",
    "btf-types",
  ])("makes of %s alone what bpftool makes", (name) => expectSame(linked([object(name)])));

  it("joins two unrelated objects", () => {
    expectSame(linked([object("core-types"), object("packet-access")].map((path) => path)));
  });

  it("resolves externs between two objects; where libbpf leaves a variable's offset at its extern's, we do not", () => {
    const { ours, theirs } = linked([object("link-a"), object("link-b")]);
    expect(contents(ours)).toEqual(contents(theirs));
    expect(symbols(ours)).toEqual(symbols(theirs));
    const dump = (path: string) => bpftool.run(["btf", "dump", "file", path]).stdout;
    const fixed = dump(theirs).replace("offset=0 size=4 (VAR 'limit')", "offset=12 size=4 (VAR 'limit')");
    expect(dump(ours)).toBe(fixed);
  });
});

describeWith([bpftool, clang], "link against bpftool gen object, compiled here", () => {
  const HEAD =
    '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nchar LICENSE[] SEC("license") = "GPL";\n';

  it("strong functions take the place of weak ones, whichever comes first", () => {
    const weak = compile(
      "weak",
      `${HEAD}
      __weak __noinline int pick(int a) { return a + 1; }
      SEC("socket") int one(struct __sk_buff *skb) { return pick(skb->len); }`,
    );
    const strong = compile(
      "strong",
      `${HEAD}
      __noinline int pick(int b) { return b * 7 + (int)bpf_ktime_get_ns(); }
      SEC("socket") int two(struct __sk_buff *skb) { return pick(skb->mark); }`,
    );
    expectSame(linked([weak, strong]));
    expectSame(linked([strong, weak]));
  });

  it("shares one map that the others declare extern, and static functions of one name stay apart", () => {
    const defined = compile(
      "defined",
      `${HEAD}
      struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 9); __type(key, int); __type(value, long); } shared SEC(".maps");
      static __noinline int same(int a) { return a - 3; }
      SEC("socket") int one(struct __sk_buff *skb) { int k = same(skb->len); return bpf_map_lookup_elem(&shared, &k) != 0; }`,
    );
    const declared = compile(
      "declared",
      `${HEAD}
      extern struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 9); __type(key, int); __type(value, long); } shared SEC(".maps");
      static __noinline int same(int a) { return a + 5; }
      SEC("tc") int two(struct __sk_buff *skb) { int k = same(skb->mark); return bpf_map_delete_elem(&shared, &k); }`,
    );
    expectSame(linked([defined, declared]));
  });

  it.each<[string, string, string, RegExp]>([
    ["defined twice", "int x = 1;", "int x = 2;", /symbol x: defined twice/],
    [
      "of two types",
      "int x = 1;",
      "extern long x; long f(void) { return x; }",
      /symbol x: declared differently/,
    ],
    [
      "with two licences",
      "",
      'char OTHER[] SEC("license") = "MIT";',
      /section license: expected the same contents/,
    ],
  ])("refuses what is %s, as bpftool does", (_, a, b, message) => {
    const head = "#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n";
    const license = 'char LICENSE[] SEC("license") = "GPL";\n';
    const first = compile("first", `${head}${license}${a}\nint user(void) { return 0; }`);
    const second = compile("second", `${head}${b}\nint other(void) { return 0; }`);
    const inputs = [first, second].map((path) => ({ name: basename(path), bytes: read(path) }));
    expect(() => link(inputs)).toThrow(message);
    expect(bpftool.run(["gen", "object", join(dir, "refused.o"), first, second]).status).not.toBe(0);
  });
});

describeWith([bpftool, vmlinux], "minCoreBtf against bpftool gen min_core_btf", () => {
  const kernel = Btf.parse(vmlinux.bytes());

  it.each([
    "core-fields",
    "core-bitfields",
    "core-flavours",
    "core-loads",
    "core-enums",
    "core-types",
    "functions",
    "core-fields core-enums core-types",
  ])("of %s", (names) => {
    const paths = names.split(" ").map(object);
    const theirs = join(dir, "theirs.btf");
    const ours = join(dir, "ours.btf");
    const { status, stderr } = bpftool.run(["gen", "min_core_btf", vmlinux.path, theirs, ...paths]);
    expect([status, stderr]).toEqual([0, ""]);
    writeFileSync(
      ours,
      minCoreBtf(
        kernel,
        paths.map((path) => ({ name: path, bytes: read(path) })),
      ),
    );
    const dump = (path: string) => bpftool.run(["btf", "dump", "file", path]).stdout;
    expect(dump(ours)).toBe(dump(theirs));
    expect(Buffer.from(read(ours)).equals(Buffer.from(read(theirs)))).toBe(true);
  });
});

describe("golden", () => {
  it.skipIf(!vmlinux.present)("demo.bpf.o needs no types of the kernel", () => {
    const demo = fixture(join("..", "shared", "golden", "input", "demo.bpf.o"));
    if (!demo.present) return;
    const btf = Btf.parse(
      minCoreBtf(Btf.parse(vmlinux.bytes()), [{ name: "demo.bpf.o", bytes: demo.bytes() }]),
    );
    expect(btf.count).toBe(1);
  });
});
