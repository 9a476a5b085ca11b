import { expect, it } from "vitest";
import { EmbeddedKernel, Offers } from "../../src/kernel/index.ts";
import { helperCallers, programTypeNamed } from "../../src/platform/index.ts";
import { BpfFuncId } from "../../src/uapi/index.ts";
import { loadText, refusal } from "./support.ts";

const offers = new Offers();
const PERF_EVENT = programTypeNamed("perf_event")!;
const SK_MSG = programTypeNamed("sk_msg")!;

it("a helper without a body is refused with the words that are told of it", () => {
  const offer = offers.helper(BpfFuncId.msg_apply_bytes, SK_MSG.type);
  expect(offer.status).toBe("refused");
  const kernel = new EmbeddedKernel();
  const text = "r2 = 1\ncall bpf_msg_apply_bytes\nr0 = 1\nexit";
  expect(refusal(() => loadText(kernel, "sk_msg", text))).toBe("EOPNOTSUPP");
  const log = () => loadText(kernel, "sk_msg", text, { logLevel: 1 });
  expect(log).toThrow(expect.objectContaining({ log: expect.stringContaining(offer.note!) }));
});

it("a helper that has nothing to be about says which answer it gives, and why", () => {
  const offer = offers.helper(BpfFuncId.read_branch_records, PERF_EVENT.type);
  expect(offer).toEqual({
    status: "constant",
    answer: -2,
    note: "No CPU of this kernel records its branches.",
  });
});

it("all others work, whoever calls them", () => {
  for (const name of ["map_lookup_elem", "get_stackid", "loop"] as const) {
    for (const { programType } of helperCallers(BpfFuncId[name]))
      expect(offers.helper(BpfFuncId[name], programTypeNamed(programType)!.type).status).toBe("works");
  }
  expect(offers.kfunc("bpf_iter_num_next").status).toBe("works");
  expect(offers.kfunc("hid_bpf_get_data").note).toBe(
    "kfunc hid_bpf_get_data is not supported by this kernel",
  );
});
