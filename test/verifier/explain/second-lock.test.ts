import { expect, it } from "vitest";
import { explainLog } from "../../../src/verifier/explain/index.ts";

it("a second bpf_spin_lock is neither moved in front of the first nor called behind it", () => {
  const log = `0: R1=map_value(map=a,ks=4,vs=8) R6=map_value(map=a,ks=4,vs=8) R7=map_value(map=b,ks=4,vs=8) R10=fp0
; bpf_spin_lock(&x->lock); @ l.bpf.c:9
17: (85) call bpf_spin_lock#93
; bpf_spin_lock(&y->lock); @ l.bpf.c:10
18: (bf) r1 = r7 ; R1=map_value(map=b,ks=4,vs=8) R7=map_value(map=b,ks=4,vs=8)
19: (85) call bpf_spin_lock#93
function calls are not allowed while holding a lock
`;
  const { code, headline, fixes } = explainLog(log)!;
  expect([code, headline]).toEqual(["lock-held", "a second spin lock is taken while one is held"]);
  expect(fixes[0]).toEqual({
    text: expect.stringMatching(/^Only one bpf_spin_lock may be held at a time: unlock the first/),
    code: "bpf_spin_unlock(&x->lock);\nbpf_spin_lock(&y->lock);",
  });
  expect(fixes[1]!.text).toMatch(/under one lock/);
  expect(fixes.some(({ text }) => /in front of the lock/.test(text))).toBe(false);
});
