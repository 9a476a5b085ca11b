import { hostKfunc } from "./define.ts";
import type { Kfunc } from "./helper.ts";

/** What programs that run both where a function is entered and where it is left ask of that (kprobe sessions). */
export const SESSION_KFUNCS: readonly Kfunc[] = [
  hostKfunc("bpf_session_is_return", { args: [], result: "u32" }, (call) =>
    call.services.run?.().session?.isReturn === true ? 1 : 0,
  ),
  hostKfunc(
    "bpf_session_cookie",
    { args: [], result: "ptr" },
    (call) => call.services.run?.().session?.cookie ?? 0,
  ),
];
