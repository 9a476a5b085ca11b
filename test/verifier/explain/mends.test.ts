import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog, type ProgramFacts } from "../../../src/verifier/explain/index.ts";

function explained(log: string, program: ProgramFacts = {}) {
  return explainLog(log, { program })!;
}

function codes(log: string, program?: ProgramFacts): (string | null)[] {
  return explained(log, program).fixes.map(({ code }) => code);
}

describe("what a loader could not resolve", () => {
  const LIBBPF = `0: R1=ctx() R10=fp0
; struct task_struct *t = (void *)bpf_get_current_task(); @ core.bpf.c:8
0: (85) call bpf_get_current_task#35  ; R0=scalar()
; value = t->gone; @ core.bpf.c:9
1: <invalid CO-RE relocation>
failed to resolve CO-RE relocation <byte_off> [24] struct task_struct___old.gone (0:0 @ offset 0)
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

  it("a field, as libbpf writes it: the instruction in its place is marked", () => {
    const { code, headline, instruction, source } = explained(LIBBPF);
    expect(code).toBe("core-relocation");
    expect(headline).toMatch(/^struct task_struct\.gone is not there/);
    expect(instruction).toMatchObject({ index: 1, code: "<invalid CO-RE relocation>" });
    expect(source).toMatchObject({ line: 9, text: "value = t->gone;" });
    expect(codes(LIBBPF)[0]).toContain("if (bpf_core_field_exists(p->gone))");
  });

  it("a field, in the words of the kernel: the object knows which", () => {
    const log = "3: (85) call unknown#195896080\ninvalid func unknown#195896080\n";
    expect(explained(log).code).toBe("core-relocation");
    const relocations = new Map([[3, "enum bpf_func_id::BPF_FUNC_gone"]]);
    expect(codes(log, { relocations })[0]).toContain(
      "bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_gone)",
    );
  });

  it("a kernel function", () => {
    const log = "3: (85) call unknown#2002000001\ninvalid func unknown#2002000001\n";
    const { code, headline } = explained(log, { relocations: new Map([[3, "bpf_new_thing"]]) });
    expect(code).toBe("unknown-kfunc");
    expect(headline).toBe("bpf_new_thing is called, and this kernel has no such function");
    const libbpf = "3: <invalid kfunc call>\nkfunc 'bpf_new_thing' is referenced but wasn't resolved\n";
    expect(explained(libbpf)).toMatchObject({ code: "unknown-kfunc", headline });
  });

  it("a helper of a newer kernel", () => {
    const log = "3: (85) call unknown#181\ninvalid func unknown#181\n";
    expect(explained(log).headline).toBe("bpf_loop is there since Linux 5.17, and this kernel is older");
  });
});

describe("pointers that are worth nothing after a call", () => {
  const WITHOUT_TYPES = `0: (bf) r6 = r1
1: (61) r7 = *(u32 *)(r6 +76)
2: (61) r8 = *(u32 *)(r6 +80)
3: (bf) r1 = r6
4: (b7) r2 = 64
5: (85) call bpf_skb_pull_data#39
6: (71) r0 = *(u8 *)(r7 +12)
R7 invalid mem access 'inv'
`;

  it("are known from logs that tell no types", () => {
    const { code, why, cause } = explained(WITHOUT_TYPES);
    expect(code).toBe("invalidated-packet-pointer");
    expect(why[cause!]!.instruction).toBe(5);
  });

  it("are numbers where nothing moved the packet", () => {
    const log = WITHOUT_TYPES.replace("bpf_skb_pull_data#39", "bpf_get_hash_recalc#34");
    expect(explained(log).code).toBe("number-as-pointer");
  });
});

describe("bounds", () => {
  const log = (mask: number, line: string) => `0: R0=map_value(map=m,ks=4,vs=16) R6=ctx() R10=fp0
; ${line} @ m.bpf.c:5
0: (61) r1 = *(u32 *)(r6 +0) ; R1=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R6=ctx()
1: (57) r1 &= ${mask} ; R1=scalar(smin=smin32=0,smax=umax=smax32=umax32=${mask},var_off=(0x0; 0x1f))
2: (0f) r0 += r1 ; R0=map_value(map=m,ks=4,vs=16,smin=smin32=0,smax=umax=smax32=umax32=${mask},var_off=(0x0; 0x1f)) R1=scalar(smin=smin32=0,smax=umax=smax32=umax32=${mask},var_off=(0x0; 0x1f))
3: (71) r1 = *(u8 *)(r0 +0)
invalid access to map value, value_size=16 off=${mask} size=1
R0 max value is outside of the allowed memory range
`;

  it("blame a mask that is too wide, and give the one that fits, in the line that has it", () => {
    const { why, cause, fixes } = explained(log(31, "__u32 i = skb->len & 31;"));
    expect(why[cause!]).toMatchObject({
      instruction: 1,
      text: "this mask leaves too much: R1 can be 0 to 31 after it",
    });
    expect(fixes[0]).toEqual({ text: "Use a mask that fits: & 15.", code: "__u32 i = skb->len & 15;" });
    expect(codes(log(31, "__u32 i = skb->len & 0x1f;"))[0]).toBe("__u32 i = skb->len & 0xf;");
    expect(codes(log(31, "__u32 i = limited(skb);"))[0]).toBe("if (i > 15)\n\treturn 0;");
  });

  it("say when a copy was tested, and not the value itself", () => {
    const { why, cause, fixes } = explained(`0: R1=ctx() R10=fp0
0: (79) r2 = *(u64 *)(r1 +32) ; R1=ctx() R2=scalar()
1: (bf) r3 = r2 ; R2=scalar(id=1) R3=scalar(id=1)
2: (67) r3 <<= 32 ; R3=scalar(smax=0x7fffffff00000000,umax=0xffffffff00000000)
3: (c7) r3 s>>= 32 ; R3=scalar(smin=0xffffffff80000000,smax=0x7fffffff)
; if (n > 64) @ n.bpf.c:7
4: (65) if r3 s> 0x40 goto pc+6 ; R3=scalar(smin=0xffffffff80000000,smax=smax32=64)
5: (bf) r1 = r10 ; R1=fp0 R10=fp0
6: (07) r1 += -64 ; R1=fp-64
7: (85) call bpf_probe_read_user#112
R2 min value is negative, either use unsigned or 'var &= const'
`);
    expect(why[cause!]).toMatchObject({ instruction: 4, text: /a copy that was cut to 32 bits/ });
    expect(fixes[0]!.code).toBe("__u64 n;\nif (n > sizeof(buf))\n\treturn 0;");
  });

  it("give a call the size of its own buffer, whatever the helper", () => {
    const { headline, fixes } = explained(`0: R1=ctx() R10=fp0
; bpf_probe_read_kernel(buf, 32, ptr); @ b.bpf.c:9
0: (bf) r1 = r10 ; R1=fp0 R10=fp0
1: (07) r1 += -16 ; R1=fp-16
2: (b7) r2 = 32 ; R2=32
3: (85) call bpf_probe_read_kernel#113
invalid write to stack R1 off=-16 size=32
`);
    expect(headline).toBe(
      "bpf_probe_read_kernel is told that a buffer on the stack has 32 bytes, and it has no more than 16",
    );
    expect(fixes[0]!.code).toBe("bpf_probe_read_kernel(buf, sizeof(buf), ptr);");
  });
});

describe("what the object says of the program", () => {
  const write =
    "0: R1=ctx() R10=fp0\n0: (63) *(u32 *)(r1 +0) = r2\ninvalid bpf_context access off=0 size=4\n";

  it("names the field of the context, and what moves the packet instead", () => {
    const { headline, fixes } = explained(write, { type: BpfProgType.XDP });
    expect(headline).toBe("xdp_md.data may only be read");
    expect(fixes[0]!.code).toContain("bpf_xdp_adjust_head(ctx, delta)");
    expect(explained(write, { type: BpfProgType.SCHED_CLS }).fixes[0]!.text).toMatch(
      /may write .*mark.*priority/,
    );
  });

  it("tells a context that is another program type's", () => {
    const log =
      "0: R1=ctx() R10=fp0\n0: (61) r2 = *(u32 *)(r1 +76)\ninvalid bpf_context access off=76 size=4\n";
    const { headline, fixes } = explained(log, { type: BpfProgType.XDP, section: "xdp" });
    expect(headline).toBe("struct xdp_md, the context of xdp programs, has no field at offset 76");
    expect(fixes[0]!.text).toMatch(/^struct __sk_buff has data there/);
  });

  it("gives the section that may sleep, and what does not need to", () => {
    const log = `0: R1=ctx() R10=fp0
; bpf_copy_from_user(c, sizeof(c), p); @ u.bpf.c:4
0: (85) call bpf_copy_from_user#148
helper call might sleep in a non-sleepable prog
`;
    expect(codes(log, { section: "fentry/__x64_sys_unlink" })).toEqual([
      "bpf_probe_read_user(c, sizeof(c), p);",
      'SEC("fentry.s/__x64_sys_unlink")',
    ]);
    // Tracepoints cannot sleep.
    expect(codes(log, { section: "tp/sched/sched_switch" })).not.toContain('SEC("tp.s/sched/sched_switch")');
  });

  it("says which program types may call a helper", () => {
    const log =
      "0: (85) call bpf_skb_load_bytes#26\nprogram of this type cannot use helper bpf_skb_load_bytes#26\n";
    const { headline, fixes } = explained(log, { type: BpfProgType.XDP });
    expect(headline).toBe("programs of type xdp may not call bpf_skb_load_bytes");
    expect(fixes[0]!.text).toMatch(/socket_filter, sched_cls/);
  });
});

describe("locks and loops", () => {
  it("name the path that leaves without the unlock, and unlock what was locked", () => {
    const { why, cause, fixes } = explained(`0: R1=map_value(map=m,ks=4,vs=8) R6=scalar() R10=fp0
; bpf_spin_lock(&v->lock); @ l.bpf.c:7
0: (85) call bpf_spin_lock#93
; if (v->n > 100) @ l.bpf.c:8
1: (25) if r6 > 0x64 goto pc+3 ; R6=scalar(umax=100)
2: (bf) r1 = r7
3: (85) call bpf_spin_unlock#94
4: (05) goto pc+0
5: (b7) r0 = 0 ; R0=0
6: (95) exit

from 1 to 5: R6=scalar(umin=101) R10=fp0
5: (b7) r0 = 0 ; R0=0
6: (95) exit
BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region
`);
    expect(why[cause!]).toMatchObject({ instruction: 1, role: "lost" });
    expect(fixes[0]!.code).toBe("bpf_spin_unlock(&v->lock);\nreturn 0;");
  });

  it("say of an endless loop what each round compares", () => {
    const { why, instruction } = explained(`0: R1=ctx() R10=fp0
0: (b7) r1 = 1 ; R1=1
1: (63) *(u32 *)(r10 -4) = r1 ; R1=1 R10=fp0 fp-8=mmmm????
2: (61) r1 = *(u32 *)(r10 -4) ; R1=scalar(umax=0xffffffff) R10=fp0
3: (55) if r1 != 0x0 goto pc-2 ; R1=0
4: (95) exit

from 3 to 2: R1=scalar(umin=1,umax=0xffffffff) R10=fp0
2: (61) r1 = *(u32 *)(r10 -4) ; R1=scalar(umax=0xffffffff) R10=fp0
infinite loop detected at insn 3
`);
    expect(instruction!.index).toBe(3);
    expect(why.at(-1)!.text).toMatch(
      /R1 is the same to the verifier in each round: a number, 0 to 0xffffffff/,
    );
  });
});
