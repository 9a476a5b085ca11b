import { describe, expect, it } from "vitest";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

function refused(call: string, message: string, type?: number) {
  const log = `0: R1=map_value(map=a,ks=4,vs=16) R10=fp0
; ${call.replace(/#.*/, "")}(&x->field); @ s.bpf.c:9
10: (85) call ${call}
${message}
`;
  const program = type === undefined ? {} : { program: { mapTypes: new Map([["a", type]]) } };
  return explainLog(log, program)!;
}
const untyped = (name: string) => `map 'a' has to have BTF in order to use ${name}`;

describe("a special field that a value does not have", () => {
  it("may be one that maps of the type cannot hold", () => {
    const lock = refused("bpf_spin_lock#93", untyped("bpf_spin_lock"), BpfMapType.PERCPU_ARRAY);
    expect(lock.code).toBe("special-field-missing");
    expect(lock.headline).toBe("maps of type percpu_array cannot hold a bpf_spin_lock");
    expect(lock.fixes[0]!.code).toBe("__uint(type, BPF_MAP_TYPE_ARRAY);");
    const timer = refused("bpf_timer_init#169", untyped("bpf_timer"), BpfMapType.LPM_TRIE);
    expect(timer.headline).toBe("maps of type lpm_trie cannot hold a bpf_timer");
    expect(timer.fixes).toHaveLength(1);
    // Arrays can.
    expect(refused("bpf_spin_lock#93", untyped("bpf_spin_lock"), BpfMapType.ARRAY).headline).toMatch(
      /is not given its address/,
    );
    // A log alone does not tell the type.
    expect(refused("bpf_spin_lock#93", untyped("bpf_spin_lock")).fixes.at(-1)!.text).toMatch(
      /^Not every type of map can hold a bpf_spin_lock/,
    );
  });

  it("is shown with the helper that wants it", () => {
    const kptr = refused("bpf_kptr_xchg#194", "R1 has no valid kptr", BpfMapType.ARRAY);
    const codes = kptr.fixes.map(({ code }) => code).join("\n");
    expect(codes).toContain("struct task_struct __kptr *task;");
    expect(codes).toContain("bpf_kptr_xchg(&value->task, task);");
    expect(codes).not.toContain("bpf_spin_lock");
    expect(kptr.fixes.some(({ text }) => /__kptr tag in BTF: compilers before clang 16/.test(text))).toBe(
      true,
    );
    const timer = refused("bpf_timer_start#171", "map 'a' has no valid bpf_timer", BpfMapType.HASH);
    expect(timer.fixes[0]!.code).toContain("struct bpf_timer timer;");
    expect(timer.fixes[0]!.code).not.toContain("bpf_spin_lock");
  });
});
