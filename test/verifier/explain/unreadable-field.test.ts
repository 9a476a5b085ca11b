import { describe, expect, it } from "vitest";
import { BpfProgType } from "../../../src/uapi/index.ts";
import { explainLog } from "../../../src/verifier/explain/index.ts";

function refused(line: string, code: string, message: string) {
  const log = `0: R1=ctx() R10=fp0
; ${line} @ f.bpf.c:3
0: ${code}
${message}
`;
  return explainLog(log, { program: { type: BpfProgType.FLOW_DISSECTOR, section: "flow_dissector" } })!;
}

describe("a field of the context's struct that programs of the type may not access", () => {
  it("is named, with those that they may read", () => {
    const { headline, fixes } = refused(
      "return skb->len;",
      "(61) r0 = *(u32 *)(r1 +0)",
      "invalid bpf_context access off=0 size=4",
    );
    expect(headline).toBe("__sk_buff.len may not be read by flow_dissector programs");
    expect(fixes[0]!.text).toBe(
      "Programs of type flow_dissector may read of struct __sk_buff: data, data_end, flow_keys.",
    );
    expect(fixes[1]!.text).toMatch(/^Programs of these types may read it: socket_filter, sched_cls/);
    expect(fixes.every(({ code }) => code === null)).toBe(true);
  });

  it("or write", () => {
    const { headline } = refused(
      "skb->mark = 1;",
      "(63) *(u32 *)(r1 +8) = r2",
      "invalid bpf_context access off=8 size=4",
    );
    expect(headline).toBe("__sk_buff.mark may not be written by flow_dissector programs");
  });
});
