import { describe, expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

const INDEX = "scalar(smin=smin32=0,smax=umax=smax32=umax32=7,var_off=(0x0; 0x7))";

/** A sum of a number that was loaded whole (R1) and an index (R2), in one order or the other. */
const sum = (
  code: string,
  line: string,
  declared = "__u64 b = v->base;",
) => `0: R0=map_value(map=vals,ks=4,vs=80) R7=ctx() R10=fp0
; ${declared} @ a.bpf.c:8
8: (79) r1 = *(u64 *)(r0 +0) ; R0=map_value(map=vals,ks=4,vs=80) R1=scalar()
; __u32 i = skb->mark & 7; @ a.bpf.c:9
9: (61) r2 = *(u32 *)(r7 +8) ; R2=scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff)) R7=ctx()
10: (57) r2 &= 7 ; R2=${INDEX}
; ${line} @ a.bpf.c:10
11: (0f) ${code} ; R1=scalar() R2=scalar()
12: (71) r6 = *(u8 *)(${code.slice(0, 2)} +0)
${code.slice(0, 2).toUpperCase()} invalid mem access 'scalar'
`;

describe("an address of two numbers", () => {
  it.each(["r1 += r2", "r2 += r1"])("is that of the one that is no index: %s", (code) => {
    const { code: kind, why, cause, fixes } = explainLog(sum(code, "return *(__u8 *)(i * 8 + b);"))!;
    expect(kind).toBe("number-as-pointer");
    expect(why[cause!]).toMatchObject({
      instruction: 8,
      text: "R1 is loaded from a map value: to the verifier that is a number",
    });
    expect(why.map(({ instruction }) => instruction)).toEqual([8, 11, 12]);
    expect(fixes[0]!.code).toBe("bpf_probe_read_kernel(&value, sizeof(value), (void *)(i * 8 + b));");
  });

  it.each(["r1 += r2", "r2 += r1"])("is so where the log tells no types: %s", (code) => {
    const bare = sum(code, "return *(__u8 *)(i * 8 + b);").replaceAll(/ ; R.*$/gm, "");
    const { why, cause } = explainLog(bare.replace(/^0: .*\n/, "").replaceAll("'scalar'", "'inv'"))!;
    expect(why[cause!]!.instruction).toBe(8);
  });
});

describe("what is read through a number", () => {
  const codes = (line: string, declared?: string) =>
    explainLog(sum("r1 += r2", line, declared))!.fixes.map(({ code }) => code);

  it("is named by the variable that has the number, not by others of the line", () => {
    expect(codes("return v->n + in->pid;", "struct inner *in = v->in;")).toEqual([
      "value = BPF_CORE_READ(in, pid);",
      "bpf_probe_read_user(&value, sizeof(value), &in->pid);",
    ]);
    expect(codes("return other[1] + p[i];", "__u8 *p = (void *)v->base;")[0]).toBe(
      "bpf_probe_read_kernel(&value, sizeof(value), &p[i]);",
    );
  });

  it("may be the field of a field of the same line", () => {
    expect(codes("return v->in->pid;", "return v->in->pid;")[0]).toBe("value = BPF_CORE_READ(v, in, pid);");
    expect(codes("return v->in->buf[i];", "return v->in->buf[i];")[0]).toBe(
      "bpf_probe_read_kernel(&value, sizeof(value), &v->in->buf[i]);",
    );
    // The field itself can be read: it is what it leads to that cannot.
    expect(codes("return *(__u32 *)v->base;", "return *(__u32 *)v->base;")[0]).not.toContain(
      "CORE_READ(v, base)",
    );
  });

  it("is not guessed where the line does not tell", () => {
    expect(codes("return a->x + b->y;", "foo(skb);")[0]).toBe(
      "bpf_probe_read_kernel(&value, sizeof(value), ptr);",
    );
  });
});
