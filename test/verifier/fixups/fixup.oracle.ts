import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  type Insn,
  insnOf,
  ProgramBuilder,
  REGISTERS,
  r0,
  r1,
  r2,
  r3,
  r6,
  r7,
  r8,
  rowNamed,
} from "../../../src/isa/index.ts";
import { matchSection, PROGRAM_TYPES } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { FixupError, type FixupMap, fixup } from "../../../src/verifier/index.ts";
import { outline } from "../../support/outline.ts";
import { describeWith, liveKernel, referee } from "../../support/referee.ts";
import {
  bpftool,
  kernelSymbols,
  type LiveProgram,
  linkSections,
  loadAll,
  objectOf,
  withBpffs,
  xlated,
} from "./live.ts";
import { exampleMap, layout } from "./support.ts";

const SECTIONS = [
  "socket",
  "tc",
  "action",
  "xdp",
  "xdp/devmap",
  "cgroup_skb/egress",
  "lwt_in",
  "lwt_xmit",
  "sk_skb",
  "flow_dissector",
];
const SIZES = [
  ["b", 1],
  ["h", 2],
  ["w", 4],
  ["dw", 8],
] as const;
/** `BPF_OK`, which is 0 in all other types. */
const returnValue = (section: string) => (section === "flow_dissector" ? 129 : section === "sk_skb" ? 1 : 0);

function inputOf({ section, insns }: LiveProgram) {
  const { definition } = matchSection(section)!;
  const type = PROGRAM_TYPES[definition.type]!;
  return { insns, type, expectedAttachType: definition.attachType ?? 0, maps: new Map() };
}

function finish(section: string, builder: ProgramBuilder): LiveProgram {
  return { section, insns: builder.mov64(r0, returnValue(section)).exit().insns() };
}

/** Every access of one byte to eight through the context that our rules allow, in three programs. */
function accesses(section: string): LiveProgram[] {
  const candidates: Insn[][] = [[], [], []];
  for (let offset = 0; offset < 200; offset++) {
    for (const [size] of SIZES) {
      for (const dst of [0, 7]) candidates[0]!.push(insnOf(rowNamed(`ldx_${size}`), dst, 6, offset, 0));
      if (size !== "dw") candidates[1]!.push(insnOf(rowNamed(`ldsx_${size}`), 8, 6, offset, 0));
      candidates[2]!.push(insnOf(rowNamed(`stx_${size}`), 6, 7, offset, 0));
      candidates[2]!.push(insnOf(rowNamed(`st_${size}`), 6, 0, offset, 70_000));
      candidates[2]!.push(insnOf(rowNamed(`st_${size}`), 6, 0, offset, 7));
    }
  }
  const start = () => new ProgramBuilder().mov64(r6, r1).mov64(r7, 5);
  return candidates.map((insns) => {
    const builder = start();
    for (const insn of insns) {
      const own = insn.opcode === rowNamed("ldx_w").opcode && insn.dst === 7;
      const program = finish(section, start().raw(insn));
      if (!allowed(program)) continue;
      // Once with the context's own register as the target.
      if (own) builder.mov64(r7, r6).raw({ ...insn, src: 7 });
      else builder.raw(insn);
      builder.mov64(r7, 5);
    }
    return finish(section, builder);
  });
}

function allowed(program: LiveProgram): boolean {
  try {
    fixup(inputOf(program), { target: "tsbpf", layout });
    return true;
  } catch (error) {
    if (error instanceof FixupError) return false;
    throw error;
  }
}

/** Loads programs, and compares what the kernel made of each with what fixups make of it. */
function compare(programs: readonly LiveProgram[]): void {
  const symbolAddress = kernelSymbols();
  const names = programs.map((_, index) => `p${index}`);
  const theirs = withBpffs((folder) => loadAll(folder, objectOf(programs), names));
  if (typeof theirs === "string") throw new Error(theirs);
  for (const [index, program] of programs.entries()) {
    const ours = fixup(inputOf(program), { target: "linux-x86_64", layout, symbolAddress });
    expect(outline(ours.insns), program.section).toEqual(outline(theirs.get(`p${index}`)!));
  }
}

describeWith([bpftool, referee("mount"), liveKernel("6.18")], "fixups and the live kernel", () => {
  it.each(SECTIONS)("rewrite accesses of %s alike", (section) => {
    const programs = accesses(section);
    expect(programs[0]!.insns.length).toBeGreaterThan(8);
    compare(programs);
  });

  it("refuse the same accesses", () => {
    const reads = [
      ["socket", 76],
      ["socket", 152],
      ["tc", 88],
      ["tc", 144],
      ["tc", 181],
      ["cgroup_skb/egress", 140],
      ["cgroup_skb/egress", 72],
      ["lwt_in", 152],
      ["xdp", 20],
      ["xdp", 24],
      ["sk_skb", 8],
      ["flow_dissector", 0],
    ] as const;
    withBpffs((folder) => {
      for (const [section, offset] of reads) {
        const program = finish(section, new ProgramBuilder().ldx("w", r0, r1, offset));
        const theirs = loadAll(folder, objectOf([program]), ["p0"]);
        expect(() => fixup(inputOf(program), { target: "tsbpf", layout })).toThrow(
          `invalid bpf_context access off=${offset} size=4`,
        );
        expect(theirs).toContain(`invalid bpf_context access off=${offset} size=4`);
      }
    });
  });

  it("guard divisions alike", () => {
    const builder = new ProgramBuilder().mov64(r0, 10).mov64(r7, 5).mov64(r8, 3);
    for (const name of ["div", "mod", "sdiv", "smod"] as const) {
      for (const operand of [r7, r8, 3, -1, 1]) {
        for (const dst of [r7, r8]) builder.alu64(name, dst, operand).alu32(name, dst, operand);
      }
    }
    compare([finish("socket", builder)]);
  });

  it("expand packet loads alike", () => {
    const builder = new ProgramBuilder().mov64(r6, r1).mov64(r7, 2);
    for (const size of ["b", "h", "w"] as const) {
      builder.ldAbs(size, 14).ldAbs(size, -0x1000).ldInd(size, r7, 0).ldInd(size, r7, 9);
    }
    const insns = builder.mov64(r0, 0).exit().insns();
    compare(["socket", "tc", "action"].map((section) => ({ section, insns })));
  });

  it("lead jumps over grown code alike", () => {
    const builder = new ProgramBuilder().mov64(r6, r1).mov64(r7, 0);
    builder.label("again").ldx("dw", r0, r6, 152).branch("jeq", r0, 3, "out").alu64("div", r0, r7);
    builder.alu64("add", r7, 1).branch("jlt", r7, 4, "again").ldx("w", r2, r6, 176).label("out");
    compare([finish("tc", builder)]);
  });

  it("lower may_goto and write packets alike", () => {
    const loop = new ProgramBuilder().st("dw", REGISTERS[10]!, -24, 0).mov64(r0, 0).label("again");
    loop.mayGoto("out").alu64("add", r0, 1).ja("again").label("out");
    const write = (data: number, end: number) =>
      new ProgramBuilder()
        .ldx("w", r2, r1, data)
        .ldx("w", r3, r1, end)
        .mov64(r7, r2)
        .alu64("add", r7, 14)
        .branch("jgt", r7, r3, 1)
        .st("b", r2, 0, 9);
    compare([
      finish("xdp", loop),
      ...["tc", "action", "lwt_xmit", "sk_skb"].map((section) => finish(section, write(76, 80))),
      finish("xdp", write(0, 4)),
    ]);
  });
});

const clang = referee("clang", "clang-14");

/** Maps of the types that a lookup is written out for, some of others, a subprogram and data. */
const MAPS_SOURCE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define MAP(NAME, TYPE, KEY, VALUE, ENTRIES) \\
  struct { __uint(type, TYPE); __type(key, KEY); __type(value, VALUE); __uint(max_entries, ENTRIES); } NAME SEC(".maps")
struct five { char bytes[5]; };
struct twenty { int words[5]; };
MAP(hash, BPF_MAP_TYPE_HASH, struct five, struct twenty, 10);
MAP(lru, BPF_MAP_TYPE_LRU_HASH, int, long, 10);
MAP(percpu, BPF_MAP_TYPE_PERCPU_HASH, long, long, 10);
MAP(array, BPF_MAP_TYPE_ARRAY, int, struct twenty, 7);
MAP(bytes, BPF_MAP_TYPE_ARRAY, int, long, 100000);
MAP(cpus, BPF_MAP_TYPE_PERCPU_ARRAY, int, struct twenty, 7);
const volatile int limit = 3;
long total;
static __attribute__((noinline)) int sum(void *key) {
  struct twenty *a = bpf_map_lookup_elem(&array, key);
  long *b = bpf_map_lookup_elem(&bytes, key);
  return (a ? a->words[1] : 0) + (b ? *b : 0);
}
SEC("tc") int all(struct __sk_buff *skb) {
  struct five five = {};
  struct twenty value = {};
  long key = skb->len, number = 1;
  int index = skb->mark, result = 0;
  struct twenty *found = bpf_map_lookup_elem(&hash, &five);
  if (!found) bpf_map_update_elem(&hash, &five, &value, 0); else found->words[0] += 1;
  long *one = bpf_map_lookup_elem(&lru, &index);
  if (one) *one += limit; else bpf_map_update_elem(&lru, &index, &number, 0);
  one = bpf_map_lookup_elem(&percpu, &key);
  if (one) *one += 1; else bpf_map_delete_elem(&percpu, &key);
  bpf_map_update_elem(&percpu, &key, &number, 0);
  found = bpf_map_lookup_elem(&cpus, &index);
  if (found) result = found->words[2];
  bpf_map_delete_elem(&lru, &index);
  bpf_map_update_elem(&array, &index, &value, 0);
  total += skb->len;
  return (sum(&index) + result) & 1;
}
char _license[] SEC("license") = "GPL";
`;

/** Calls that Linux makes straight to the map type's own functions. */
const SOCKETS_SOURCE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define MAP(NAME, TYPE) \\
  struct { __uint(type, TYPE); __type(key, int); __type(value, int); __uint(max_entries, 4); } NAME SEC(".maps")
MAP(sockets, BPF_MAP_TYPE_SOCKMAP);
MAP(hashed, BPF_MAP_TYPE_SOCKHASH);
SEC("tc") int all(struct __sk_buff *skb) {
  int key = skb->mark;
  bpf_map_delete_elem(&sockets, &key);
  bpf_map_delete_elem(&hashed, &key);
  return 0;
}
char _license[] SEC("license") = "GPL";
`;

/** Lookups in maps that lookups gave. */
const NESTED_SOURCE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, int); __type(value, long); __uint(max_entries, 4); };
struct inner first SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, int); __array(values, struct inner); }
  outer SEC(".maps") = { .values = { &first } };
struct { __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS); __uint(max_entries, 2); __type(key, int); __array(values, struct inner); }
  named SEC(".maps") = { .values = { &first } };
SEC("tc") int all(struct __sk_buff *skb) {
  int key = skb->mark;
  void *map = bpf_map_lookup_elem(&outer, &key);
  if (!map) map = bpf_map_lookup_elem(&named, &key);
  if (!map) return 0;
  long *value = bpf_map_lookup_elem(map, &key);
  if (!value) return 0;
  map = bpf_map_lookup_elem(&outer, &key);
  if (!map) return 0;
  value = bpf_map_lookup_elem(map, &key);
  return value ? *value & 1 : 0;
}
char _license[] SEC("license") = "GPL";
`;

describeWith([bpftool, clang, referee("mount"), liveKernel("6.18")], "maps and the live kernel", () => {
  const map = (type: number, keySize: number, valueSize: number, maxEntries: number) =>
    exampleMap(type, 0, { keySize, valueSize, maxEntries });
  const inner = () => map(BpfMapType.ARRAY, 4, 8, 4);
  const shapes: { readonly [name: string]: FixupMap } = {
    hash: map(BpfMapType.HASH, 5, 20, 10),
    lru: map(BpfMapType.LRU_HASH, 4, 8, 10),
    percpu: map(BpfMapType.PERCPU_HASH, 8, 8, 10),
    array: map(BpfMapType.ARRAY, 4, 20, 7),
    bytes: map(BpfMapType.ARRAY, 4, 8, 100000),
    cpus: map(BpfMapType.PERCPU_ARRAY, 4, 20, 7),
    sockets: map(BpfMapType.SOCKMAP, 4, 4, 4),
    hashed: map(BpfMapType.SOCKHASH, 4, 4, 4),
    outer: { ...map(BpfMapType.ARRAY_OF_MAPS, 4, 4, 2), inner: inner() },
    named: { ...map(BpfMapType.HASH_OF_MAPS, 4, 4, 2), inner: inner() },
    limit: map(BpfMapType.ARRAY, 4, 4, 1),
    total: map(BpfMapType.ARRAY, 4, 8, 1),
  };

  it.each([
    ["looked up and called", MAPS_SOURCE],
    ["of sockets called", SOCKETS_SOURCE],
    ["inside maps looked up", NESTED_SOURCE],
  ])("are %s alike", (_, text) => {
    withBpffs((folder) => {
      const [source, object] = [join(folder, "maps.bpf.c"), join(folder, "maps.bpf.o")];
      writeFileSync(source, text);
      const include = ["-I/usr/include/x86_64-linux-gnu"];
      const built = clang.run(["-O2", "-g", "-target", "bpf", ...include, "-c", source, "-o", object]);
      expect(built.stderr).toBe("");
      const pin = join(folder, "fs", "all");
      const loaded = bpftool.run(["prog", "load", object, pin]);
      expect(loaded.stderr).toBe("");
      const theirs = xlated(folder, pin);
      const program = linkSections(new Uint8Array(readFileSync(object)), "tc", shapes);
      const type = PROGRAM_TYPES.find(({ name }) => name === "sched_cls")!;
      const ours = fixup(
        { ...program, type, expectedAttachType: 0 },
        { target: "linux-x86_64", layout, symbolAddress: kernelSymbols() },
      );
      // Ids of maps are the kernel's to give.
      const withoutIds = (insns: readonly Insn[]) =>
        outline(
          insns.map((insn) => (insn.opcode === rowNamed("ld_imm64_imm").opcode ? { ...insn, imm: 0 } : insn)),
        );
      expect(withoutIds(ours.insns)).toEqual(withoutIds(theirs));
    });
  });
});
