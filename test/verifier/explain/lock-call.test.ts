import { describe, expect, it } from "vitest";
import { explainLog, type ProgramFacts } from "../../../src/verifier/explain/index.ts";

/** A call between `bpf_spin_lock(&v->lock)` and its unlock. */
function fixes(line: string, call: string, before = "v->n++;", program: ProgramFacts = {}) {
  const log = `0: R1=map_value(map=vals,ks=4,vs=16) R6=map_value(map=vals,ks=4,vs=16) R10=fp0
; bpf_spin_lock(&v->lock); @ l.bpf.c:7
0: (85) call bpf_spin_lock#93
; ${before} @ l.bpf.c:8
1: (61) r1 = *(u32 *)(r6 +4) ; R1=scalar()
; ${line} @ l.bpf.c:9
5: (85) call ${call}
function calls are not allowed while holding a lock
`;
  const found = explainLog(log, { program })!;
  expect(found.code).toBe("lock-held");
  return found.fixes;
}

const codes = (...given: Parameters<typeof fixes>) => fixes(...given).map(({ code }) => code);

describe("a call under a spin lock", () => {
  it("whose result goes into the value: its result is taken before", () => {
    expect(fixes("v->sum = bpf_ktime_get_ns();", "bpf_ktime_get_ns#5")).toEqual([
      {
        text: "Move the call in front of the lock, and keep what it gives in a variable.",
        code: "__u64 result = bpf_ktime_get_ns();\nbpf_spin_lock(&v->lock);\nv->sum = result;",
      },
    ]);
    expect(codes("if (bpf_get_prandom_u32() & 1)", "bpf_get_prandom_u32#7")[0]).toContain("if (result & 1)");
  });

  it("whose result is a variable of the program: the line as it is, before", () => {
    const line = "__u64 *o = bpf_map_lookup_elem(&log, &key);";
    expect(codes(line, "bpf_map_lookup_elem#1")).toEqual([`${line}\nbpf_spin_lock(&v->lock);`]);
    expect(fixes(line, "bpf_map_lookup_elem#1", "key = 3;")[0]!.text).toBe(
      "Move the call, and what sets its arguments, in front of the lock.",
    );
    // What it is given comes from the value.
    expect(codes(line, "bpf_map_lookup_elem#1", "key = v->n;")).toEqual([
      `bpf_spin_unlock(&v->lock);\n${line}\nbpf_spin_lock(&v->lock);`,
    ]);
  });

  it("without a result: behind the unlock, or before", () => {
    const line = "bpf_map_delete_elem(&log, &key);";
    expect(codes(line, "bpf_map_delete_elem#3")).toEqual([
      `bpf_spin_unlock(&v->lock);\n${line}`,
      `${line}\nbpf_spin_lock(&v->lock);`,
    ]);
    expect(codes(line, "bpf_map_delete_elem#3", "key = v->n;").length).toBe(1);
  });

  it("that is given members of the value: copies of them", () => {
    expect(codes('bpf_printk("n %d %d", v->n, v->n);', "bpf_trace_printk#6")).toEqual([
      'typeof(v->n) n = v->n;\nbpf_spin_unlock(&v->lock);\nbpf_printk("n %d %d", n, n);',
    ]);
    expect(codes("bpf_ringbuf_output(&ring, v->buf, sizeof(v->buf), 0);", "bpf_ringbuf_output#130")).toEqual([
      "typeof(v->buf) buf;\n__builtin_memcpy(&buf, &v->buf, sizeof(buf));\nbpf_spin_unlock(&v->lock);\nbpf_ringbuf_output(&ring, buf, sizeof(buf), 0);",
    ]);
  });

  it("of a function of the program is named", () => {
    const functions = [
      { slot: 0, name: "main" },
      { slot: 13, name: "work" },
    ];
    expect(codes("v->n += work(skb);", "pc+7", "v->n++;", { functions })).toEqual([
      "__u64 result = work(skb);\nbpf_spin_lock(&v->lock);\nv->n += result;",
      "static __noinline int work(…)",
    ]);
  });

  it("whose line is not whole", () => {
    expect(codes("v->n = bpf_skb_load_bytes(skb,", "bpf_skb_load_bytes#26")).toEqual([
      "bpf_spin_unlock(&v->lock);\nbpf_skb_load_bytes(…);",
    ]);
  });
});
