import { afterAll, expect, it } from "vitest";
import {
  Btf,
  BtfBuilder,
  type CDumpOptions,
  dumpC,
  dumpRawJson,
  dumpRawText,
} from "../../../src/btf/index.ts";
import { describeWith, fixture, referee } from "../../support/referee.ts";
import { randomUnits } from "../c-units.ts";
import { collect, everyKind } from "../fixture.ts";
import { Workshop } from "../libbpf-referee.ts";

const bpftool = referee("bpftool");
const clang = referee("clang", "clang-14");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");

const workshop = new Workshop();
afterAll(() => workshop.close());

const version = bpftool.present ? bpftool.run(["version"]).stdout : "";
/** bpftool prints as 7.1 does until it sorts, which it does since 7.5. */
const old = / v7\.[0-4]\./.test(version);
const style: CDumpOptions = old ? { bpftool: "7.1", sorted: false } : {};

function theirs(...args: string[]): string {
  return new TextDecoder().decode(bpftool.bytes(args));
}

/** Compares without a diff of megabytes. */
function expectSame(ours: string, other: string): void {
  const a = ours.split("\n");
  const b = other.split("\n");
  const at = a.findIndex((line, i) => line !== b[i]);
  expect(at < 0 ? [] : [at, ...a.slice(at - 2, at + 3)]).toEqual(
    at < 0 ? [] : [at, ...b.slice(at - 2, at + 3)],
  );
  expect(a.length).toBe(b.length);
}

function compare(btf: Btf, ...source: string[]): void {
  const file = ["btf", "dump", "file", ...source];
  expectSame(
    collect((sink) => dumpRawText(btf, sink)),
    theirs(...file),
  );
  expectSame(`${collect((sink) => dumpRawJson(btf, sink))}\n`, theirs("-j", ...file));
  expectSame(
    collect((sink) => dumpC(btf, sink, style)),
    theirs(...file, "format", "c"),
  );
}

describeWith([bpftool, vmlinux], "dumps of the running kernel's types", () => {
  const btf = vmlinux.present ? Btf.parse(vmlinux.bytes()) : null;

  it("are bpftool's, as text, JSON and C", () => compare(btf!, vmlinux.path));

  it("are bpftool's for split BTF", () => {
    const types = new BtfBuilder({ base: btf! });
    const skb = btf!.findByName("sk_buff");
    const pointer = types.add({ kind: "PTR", type: skb });
    types.add({
      kind: "STRUCT",
      name: "module_state",
      size: 16,
      members: [
        { name: "len", type: pointer, bitOffset: 0, bitSize: 0 },
        { name: "users", type: btf!.findByName("refcount_t"), bitOffset: 64, bitSize: 0 },
      ],
    });
    const bytes = types.finish();
    const path = workshop.write("split.btf", bytes);
    const split = Btf.parse(bytes, { base: btf! });
    const args = ["-B", vmlinux.path, "btf", "dump", "file", path];
    expectSame(
      collect((sink) => dumpRawText(split, sink)),
      theirs(...args),
    );
    expectSame(
      collect((sink) => dumpC(split, sink, style)),
      theirs(...args, "format", "c"),
    );
  });
});

describeWith([bpftool], "dumps of every kind", () => {
  it("are bpftool's", () => {
    const bytes = everyKind();
    compare(Btf.parse(bytes), workshop.write("every.btf", bytes));
  });
});

const LAYOUTS = `
struct holes { char a; long b; char c; int d; char e; };
struct packed_inner { char a; int b; } __attribute__((packed));
struct aligned { int a; int b __attribute__((aligned(16))); };
struct bits { int a : 3; int : 5; int b : 8; unsigned long c : 40; int d : 1; char e; };
struct bits2 { unsigned int a : 1; unsigned int : 0; unsigned int b : 1; long c; short d : 9; };
struct nested { struct { int x; union { char y; short z; }; } in[3]; struct packed_inner p; } ;
struct empty {};
union u { struct holes h; long long l; float f; double d; };
enum small { S_A = -1, S_B = 1 } ;
enum big { B_A = 0x100000000ull, B_B = 1 };
enum tiny { T_A, T_B } __attribute__((packed));
typedef int (*op_t)(const char *, struct holes *, ...);
typedef op_t ops_t[4];
typedef void (*(*weird_t)(int (*)(void), const volatile int *restrict))(char (*)[5]);
struct ops { ops_t ops; weird_t weird; int (*const table[2])(void); const char *const *names; int flex[]; };
struct tree { struct tree *left, *right; enum small color : 2; _Bool leaf; };
struct holes h; struct aligned a; struct bits b; struct bits2 b2; struct nested n; struct empty e; union u un;
enum big bg; enum tiny t; struct ops *o; struct tree tr;
static volatile const int hidden = 3;
int use(void) { return hidden; }
`;

describeWith([bpftool, clang], "dumps of compiled objects", () => {
  it("are bpftool's for layouts that need padding and attributes", () => {
    const object = workshop.compile("layouts", LAYOUTS);
    compare(Btf.parse(workshop.section(object, ".BTF")), object);
  });

  it("are bpftool's for random units", () => {
    for (let world = 1; world <= 2; world++) {
      for (const [i, source] of randomUnits(world, 3).entries()) {
        const object = workshop.compile(`r${world}-${i}`, source);
        compare(Btf.parse(workshop.section(object, ".BTF")), object);
      }
    }
  });
});
