import { mkdirSync, readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import {
  Btf,
  BtfBuilder,
  CORE_RELO_NAMES,
  CoreError,
  CoreReloKind,
  CoreResolver,
  parseBtfExt,
  writeBtfExt,
} from "../../src/btf/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { decode } from "../../src/isa/index.ts";
import { patchInsn } from "../../src/object/core-patch.ts";
import { describeWith, fixture, liveKernel, referee } from "../support/referee.ts";
import { libbpf, Workshop } from "./libbpf-referee.ts";

const clang = referee("clang", "clang-14");
const bpftool = referee("bpftool");
const mount = referee("mount");
const umount = referee("umount");
const vmlinux = fixture("/sys/kernel/btf/vmlinux");

const workshop = new Workshop();
afterAll(() => workshop.close());

const PRELUDE = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define OFFSET(x) __builtin_preserve_field_info(x, 0)
#define SIZE(x) __builtin_preserve_field_info(x, 1)
#define EXISTS(x) __builtin_preserve_field_info(x, 2)
#define SIGNED(x) __builtin_preserve_field_info(x, 3)
#define LSHIFT(x) __builtin_preserve_field_info(x, 4)
#define RSHIFT(x) __builtin_preserve_field_info(x, 5)
#define ALL(x) (put(OFFSET(x)), put(SIZE(x)), put(EXISTS(x)), put(SIGNED(x)), put(LSHIFT(x)), put(RSHIFT(x)))
#define TYPE_EXISTS(t) __builtin_preserve_type_info(*(t *)0, 0)
#define TYPE_SIZE(t) __builtin_preserve_type_info(*(t *)0, 1)
#define LOCAL_ID(t) __builtin_btf_type_id(*(t *)0, 0)
#define TARGET_ID(t) __builtin_btf_type_id(*(t *)0, 1)
#define ALL_TYPE(t) (put(TYPE_EXISTS(t)), put(TYPE_SIZE(t)), put(LOCAL_ID(t)), put(TARGET_ID(t)))
#define ENUM_EXISTS(t, v) __builtin_preserve_enum_value(*(t *)v, 0)
#define ENUM_VALUE(t, v) __builtin_preserve_enum_value(*(t *)v, 1)
volatile u64 out;
#define put(x) (out = (x))
char _license[] SEC("license") = "GPL";
`;

interface Outcome {
  readonly what: string;
  /** Fields of the instruction's slots, or the error. */
  readonly result: string;
}

/** The object's first program relocated against `target` by us: what stands at each relocated slot. */
function relocated(
  object: string,
  target: Btf,
  program: Uint8Array | null,
): { ours: Outcome[]; theirs: Outcome[] } {
  const local = Btf.parse(workshop.section(object, ".BTF"));
  const ext = parseBtfExt(workshop.section(object, ".BTF.ext"), local);
  const resolver = new CoreResolver(local, { kernel: { name: "target", btf: target } });
  const ours: Outcome[] = [];
  const theirs: Outcome[] = [];
  for (const { section, records } of ext.coreRelos) {
    const insns = decode(workshop.section(object, section));
    const expected = program === null ? [] : decode(program);
    for (const record of records) {
      const slot = record.insnOffset / 8;
      const access = local.string(record.accessOffset);
      const what = `slot ${slot}: ${CORE_RELO_NAMES[record.kind]} ${local.name(record.typeId)} ${access}`;
      const result = resolver.resolve({ typeId: record.typeId, access, kind: record.kind });
      const patched = patchInsn(insns[slot]!, insns[slot + 1], result);
      if (!("insns" in patched)) ours.push({ what, result: patched.problem });
      else {
        ours.push({ what, result: JSON.stringify(patched.insns) });
        const slots = expected.slice(slot, slot + patched.insns.length);
        theirs.push({ what, result: JSON.stringify(slots) });
      }
    }
  }
  return { ours, theirs };
}

describeWith([clang, bpftool, mount, umount, vmlinux, liveKernel()], "CO-RE against the live kernel", () => {
  it("puts the same values into instructions as bpftool loads, for every builtin of clang 14", () => {
    const object = workshop.compile(
      "live",
      `${PRELUDE}
      struct mm_struct___x { struct { unsigned long pgd___q; u64 task_size; }; } CORE;
      struct task_struct___a { int pid; int tgid; char comm[16]; struct task_struct___a *group_leader; struct mm_struct___x *mm;
        unsigned sched_reset_on_fork:1; unsigned in_execve:1; } CORE;
      struct task_struct___b { int no_such_field; } CORE;
      struct sk_buff___c { u32 len; u8 pkt_type:3; u8 cloned:1; u16 protocol; u32 mark; unsigned char *data; } CORE;
      struct net_device___d { int ifindex; char name[8]; struct { u64 rx_dropped; } CORE stats; int mtu; } CORE;
      struct bpf_array___e { char value[0]; } CORE;
      struct no_such_struct { int a; } CORE;
      typedef int pid_t___f; typedef int no_such_typedef;
      enum bpf_map_type___g { BPF_MAP_TYPE_HASH___g = 77, BPF_MAP_TYPE_RINGBUF___h = 3, BPF_MAP_TYPE_NO_SUCH = 5 };
      enum no_such_enum { NO_SUCH_VALUE = 9 };
      SEC("raw_tp/sys_enter") int prog(void *ctx) {
        struct task_struct___a *t = ctx; struct task_struct___b *b = ctx; struct sk_buff___c *s = ctx;
        struct net_device___d *n = ctx; struct mm_struct___x *m = ctx; struct bpf_array___e *a = ctx; struct no_such_struct *no = ctx;
        ALL(t->pid); put(OFFSET(t->comm)); put(SIZE(t->comm)); put(EXISTS(t->comm)); put(OFFSET(t->comm[3])); put(SIZE(t->comm[3])); put(OFFSET(t->mm)); put(SIZE(t->mm)); put(LSHIFT(t->mm)); put(OFFSET(t->group_leader));
        ALL(t->sched_reset_on_fork); ALL(t->in_execve); ALL(m->task_size); put(OFFSET(t[2].pid));
        ALL(s->len); ALL(s->pkt_type); ALL(s->cloned); ALL(s->protocol); ALL(s->mark); put(OFFSET(s->data)); put(RSHIFT(s->data));
        put(OFFSET(n->name[5])); put(SIZE(n->name)); ALL(n->stats.rx_dropped); ALL(n->mtu); put(OFFSET(a->value[7]));
        put(EXISTS(b->no_such_field)); put(EXISTS(no->a));
        ALL_TYPE(struct task_struct___a); ALL_TYPE(struct no_such_struct); ALL_TYPE(pid_t___f); ALL_TYPE(no_such_typedef);
        ALL_TYPE(enum bpf_map_type___g); ALL_TYPE(enum no_such_enum);
        put(ENUM_EXISTS(enum bpf_map_type___g, BPF_MAP_TYPE_HASH___g)); put(ENUM_VALUE(enum bpf_map_type___g, BPF_MAP_TYPE_HASH___g));
        put(ENUM_EXISTS(enum bpf_map_type___g, BPF_MAP_TYPE_RINGBUF___h)); put(ENUM_VALUE(enum bpf_map_type___g, BPF_MAP_TYPE_RINGBUF___h));
        put(ENUM_EXISTS(enum bpf_map_type___g, BPF_MAP_TYPE_NO_SUCH)); put(ENUM_EXISTS(enum no_such_enum, NO_SUCH_VALUE));
        return 0;
      }`,
    );
    const bpffs = workshop.path("bpffs");
    mkdirSync(bpffs);
    expect(mount.run(["-t", "bpf", "bpf", bpffs]).stderr).toBe("");
    try {
      expect(bpftool.run(["prog", "load", object, `${bpffs}/prog`]).stderr).toBe("");
      const file = workshop.path("live.xlated");
      bpftool.run(["prog", "dump", "xlated", "pinned", `${bpffs}/prog`, "file", file]);
    } finally {
      // Unmounting drops the pin, the only thing that holds the program.
      umount.run([bpffs]);
    }
    const { ours, theirs } = relocated(object, Btf.parse(vmlinux.bytes()), workshop.read("live.xlated"));
    const kinds = new Set(ours.map(({ what }) => what.split(" ")[2]));
    // clang 14 has no builtin for type_matches.
    expect([...kinds].sort()).toEqual(CORE_RELO_NAMES.filter((name) => name !== "type_matches").sort());
    expect(ours.length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs);
  });
});

describeWith([clang, libbpf, liveKernel()], "CO-RE against libbpf", () => {
  const target = (name: string, source: string) => {
    const object = workshop.compile(name, `${PRELUDE}${source}`);
    const bytes = workshop.section(object, ".BTF");
    return { path: workshop.write(`${name}.btf`, bytes), btf: Btf.parse(bytes) };
  };
  const loaded = (object: string, btf: string): { program: Uint8Array; stderr: string } => {
    const { stderr } = workshop.libbpf("relocate", workshop.path("relocated.bin"), object, btf);
    return { program: workshop.read("relocated.bin"), stderr };
  };

  it("adjusts loads and stores, and poisons what it cannot relocate", () => {
    const kernel = target(
      "kernel",
      `struct inner { long pad; short s; };
       struct moved { long pad[3]; struct { int unused; union { u32 deep; char c; }; }; u8 tail[4][2]; struct inner in[3]; };
       struct resized { u64 u32_to_u64; u8 u16_to_u8; long int_to_long; int long_to_int; u32 same; void *p; u16 ptr_to_u16;
         char bytes[8]; struct inner whole; u64 array[4]; _Bool flag; };
       struct bits { unsigned a:5; unsigned long b:37; int c:7; unsigned long d:11; u8 e; };
       enum kinds { FIRST = -5, SECOND = 0x7fffffff, LAST = 3 }; enum other { O };
       struct gone { int left; }; struct flexible { int n; struct inner rest[]; }; struct now_union_holder { union { long x; } u; };
       struct moved *k0; struct resized *k1; struct bits *k2; enum kinds k3; struct gone *k4; struct flexible *k5; struct now_union_holder *k6; enum other k7;
       int use(struct moved *a, struct resized *b, struct bits *c, struct gone *d, struct flexible *e) { return a->pad[0] + b->same + c->e + d->left + e->n; }
       int use_too(struct now_union_holder *a) { return a->u.x; }`,
    );
    const object = workshop.compile(
      "adjust",
      `${PRELUDE}
      struct inner___l { short s; } CORE;
      struct moved___l { u32 deep; u8 tail[4][2]; struct inner___l in[3]; } CORE;
      struct resized___l { u32 u32_to_u64; u16 u16_to_u8; int int_to_long; long long_to_int; u32 same; void *p; void *ptr_to_u16;
        char bytes[8]; u32 array[4]; u32 flag; struct inner___l *whole; } CORE;
      struct bits___l { unsigned a:5; unsigned long b:37; int c:7; unsigned long d:11; u8 e; } CORE;
      enum kinds___l { FIRST = 1, SECOND = 2, LAST___l = 9 };
      struct gone___l { int left; int lost; u64 lost_too; } CORE;
      struct flexible___l { int n; struct inner___l rest[]; } CORE;
      struct now_union_holder___l { struct { int x; } u; } CORE;
      SEC("raw_tp/x") int prog(void *ctx) {
        volatile struct moved___l *m = ctx; volatile struct resized___l *r = ctx; struct bits___l *b = ctx; volatile struct gone___l *g = ctx;
        volatile struct flexible___l *f = ctx; volatile struct now_union_holder___l *h = ctx;
        put(m->deep); put(m->tail[2][1]); put(m->in[2].s); m->deep = 7; m->in[1].s = (short)out;
        put(r->u32_to_u64); put(r->u16_to_u8); put(r->int_to_long); put(r->long_to_int); put(r->same); put((u64)r->p);
        put(r->bytes[3]); put(r->array[1]); put(r->flag); r->u32_to_u64 = out; r->u16_to_u8 = 9;
        put(EXISTS(r->ptr_to_u16)); put(EXISTS(r->whole)); put(OFFSET(r->array[2])); put(SIZE(r->u32_to_u64));
        ALL(b->a); ALL(b->b); ALL(b->c); ALL(b->d); ALL(b->e);
        put(ENUM_VALUE(enum kinds___l, FIRST)); put(ENUM_VALUE(enum kinds___l, SECOND)); put(ENUM_VALUE(enum kinds___l, LAST___l));
        put(g->left); put(g->lost); put(OFFSET(g->lost)); put(g->lost_too); g->lost_too = 5; put(SIGNED(g->lost));
        put(f->rest[5].s); put(h->u.x); put(TYPE_SIZE(struct flexible___l));
        return 0;
      }`,
    );
    const { program } = loaded(object, kernel.path);
    const { ours, theirs } = relocated(object, kernel.btf, program);
    expect(ours.length).toBeGreaterThan(60);
    expect(ours).toEqual(theirs);
    const poison = ours.filter(({ result }) => result.includes("195896080"));
    expect(poison.length).toBeGreaterThanOrEqual(7);
  });

  it("refuses candidates that disagree, as libbpf does", () => {
    const kernel = target(
      "twins",
      `struct twin { long pad; int x; }; struct twin___2 { int x; }; int use(struct twin *a, struct twin___2 *b) { return a->x + b->x; }`,
    );
    const object = workshop.compile(
      "ambiguous",
      `${PRELUDE} struct twin___l { int x; } CORE; SEC("raw_tp/x") int prog(void *ctx) { struct twin___l *t = ctx; put(t->x); return 0; }`,
    );
    expect(loaded(object, kernel.path).stderr).toMatch(/field offset ambiguity: 0 != 64|64 != 0/);
    expect(() => relocated(object, kernel.btf, null)).toThrow(CoreError);
    expect(() => relocated(object, kernel.btf, null)).toThrow(
      /byte_off struct twin___l\.x \(0:0\): ambiguous: bit offset 64 in \[\d+\] struct twin of target, 0 in \[\d+\] struct twin___2/,
    );
  });

  it("narrows the candidates of a type to those that fitted before", () => {
    const kernel = target(
      "narrow",
      `struct twin { long pad; int x; int only; }; struct twin___2 { int x; }; int use(struct twin *a, struct twin___2 *b) { return a->only + b->x; }`,
    );
    const object = workshop.compile(
      "narrowed",
      `${PRELUDE} struct twin___l { int x; int only; } CORE; SEC("raw_tp/x") int prog(void *ctx) { volatile struct twin___l *t = ctx; put(t->only); put(t->x); return 0; }`,
    );
    const { ours, theirs } = relocated(object, kernel.btf, loaded(object, kernel.path).program);
    expect(ours).toHaveLength(2);
    expect(ours).toEqual(theirs);
  });

  it("matches types as libbpf does, by records made from those for existence", () => {
    const kernel = target(
      "matched",
      `struct node; union words { long whole; int half; }; struct inner { long pad; int a; };
       struct same { int a; char *b; }; struct more { int first; int a; struct node *n; }; struct other_size { long a; };
       struct other_sign { unsigned a; }; struct pointed { struct node *n; }; struct nested { struct inner in; int z; };
       struct node { int x; }; enum state { A, B, C }; enum smaller { D }; typedef int (*callback)(struct node *, int);
       typedef int (*callback_more)(struct node *, int, long); typedef int row[4]; typedef int longer[5]; struct by_union { union words w; };
       int use(struct same *a, struct more *b, struct other_size *c, struct other_sign *d, struct pointed *e) { return a->a + b->a + c->a + d->a + e->n->x; }
       int use_too(struct nested *a, enum state *b, enum smaller *c, callback d, callback_more e) { return a->z + *b + *c + d(0, 1) + e(0, 1, 2); }
       int use_more(row *a, longer *b, struct by_union *c) { return (*a)[0] + (*b)[0] + c->w.half; }`,
    );
    const object = workshop.compile(
      "matching",
      `${PRELUDE}
      struct node___l { char different; }; struct inner___l { int a; };
      struct same___l { int a; char *b; }; struct more___l { int a; }; struct other_size___l { int a; }; struct other_sign___l { int a; };
      struct pointed___l { struct node___l *n; }; struct nested___l { struct inner___l in; }; struct absent___l { int a; };
      struct too_many { int a; }; enum state___l { C___l, A___l }; enum smaller___l { D, E };
      typedef int (*callback)(struct node___l *, int); typedef int (*callback_more)(struct node___l *, int); typedef int row[4]; typedef int longer[4];
      struct by_union___l { union words___l { int half; } w; };
      SEC("raw_tp/x") int prog(void *ctx) {
        put(TYPE_EXISTS(struct same___l)); put(TYPE_EXISTS(struct more___l)); put(TYPE_EXISTS(struct other_size___l)); put(TYPE_EXISTS(struct other_sign___l));
        put(TYPE_EXISTS(struct pointed___l)); put(TYPE_EXISTS(struct nested___l)); put(TYPE_EXISTS(struct absent___l)); put(TYPE_EXISTS(enum state___l));
        put(TYPE_EXISTS(enum smaller___l)); put(TYPE_EXISTS(callback)); put(TYPE_EXISTS(callback_more)); put(TYPE_EXISTS(row)); put(TYPE_EXISTS(longer));
        put(TYPE_EXISTS(struct by_union___l)); return 0; }`,
    );
    const changed = asMatches(object);
    const { ours, theirs } = relocated(changed, kernel.btf, loaded(changed, kernel.path).program);
    expect(ours).toEqual(theirs);
    expect(ours.every(({ what }) => what.includes("type_matches"))).toBe(true);
    const values = ours.map(({ result }) => (JSON.parse(result) as { imm: number }[])[0]!.imm);
    expect(values.filter((value) => value === 1).length).toBeGreaterThan(4);
    expect(values.filter((value) => value === 0).length).toBeGreaterThan(4);
  });

  it("finds values of 64-bit enums", () => {
    const builder = new BtfBuilder();
    builder.add({
      kind: "ENUM64",
      name: "state",
      size: 8,
      signed: false,
      values: [
        { name: "NEW", value: 1n },
        { name: "OLD", value: 0x8000_0001_0000_0002n },
      ],
    });
    const btf = Btf.parse(builder.finish());
    const path = workshop.write("enum64.btf", btf.bytes);
    const object = workshop.compile(
      "enum64",
      `${PRELUDE} enum state___l { OLD = 5, GONE = 6 }; SEC("raw_tp/x") int prog(void *ctx) {
        put(ENUM_VALUE(enum state___l, OLD)); put(ENUM_EXISTS(enum state___l, OLD)); put(ENUM_EXISTS(enum state___l, GONE)); put(ENUM_VALUE(enum state___l, GONE)); return 0; }`,
    );
    const { ours, theirs } = relocated(object, btf, loaded(object, path).program);
    expect(ours).toHaveLength(4);
    expect(ours).toEqual(theirs);
  });
});

/** A copy of an object in which every type_exists relocation is a type_matches one: clang 14 cannot write those. */
function asMatches(object: string): string {
  const bytes = new Uint8Array(readFileSync(object));
  const file = openElf(bytes);
  const section = file.section(".BTF.ext")!;
  const ext = parseBtfExt(file.data(section), Btf.parse(workshop.section(object, ".BTF")));
  const coreRelos = ext.coreRelos.map((part) => ({
    ...part,
    records: part.records.map((record) => ({ ...record, kind: CoreReloKind.TYPE_MATCHES })),
  }));
  bytes.set(writeBtfExt({ ...ext, coreRelos }), section.offset);
  return workshop.write("as-matches.o", bytes);
}
