import { KfuncFlag as F, kfuncSet } from "./kfunc-set.ts";

/** Functions that Linux has for its own tests (net/bpf/test_run.c). */
export const TEST_KFUNCS = [
  kfuncSet(["tc", "tracing", "syscall"], {
    bpf_kfunc_call_test_release: F.RELEASE,
    bpf_kfunc_call_memb_release: F.RELEASE,
  }),
];
