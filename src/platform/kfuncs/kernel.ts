import { KfuncFlag as F, kfuncSet } from "./kfunc-set.ts";

/** CPU masks, cryptography, sessions of probes, statistics of cgroups. */
export const KERNEL_KFUNCS = [
  kfuncSet(["tracing", "structOps", "syscall"], {
    bpf_cpumask_create: F.ACQUIRE | F.RET_NULL,
    bpf_cpumask_release: F.RELEASE,
    bpf_cpumask_acquire: F.ACQUIRE | F.TRUSTED_ARGS,
    bpf_cpumask_first: F.RCU,
    bpf_cpumask_first_zero: F.RCU,
    bpf_cpumask_first_and: F.RCU,
    bpf_cpumask_set_cpu: F.RCU,
    bpf_cpumask_clear_cpu: F.RCU,
    bpf_cpumask_test_cpu: F.RCU,
    bpf_cpumask_test_and_set_cpu: F.RCU,
    bpf_cpumask_test_and_clear_cpu: F.RCU,
    bpf_cpumask_setall: F.RCU,
    bpf_cpumask_clear: F.RCU,
    bpf_cpumask_and: F.RCU,
    bpf_cpumask_or: F.RCU,
    bpf_cpumask_xor: F.RCU,
    bpf_cpumask_equal: F.RCU,
    bpf_cpumask_intersects: F.RCU,
    bpf_cpumask_subset: F.RCU,
    bpf_cpumask_empty: F.RCU,
    bpf_cpumask_full: F.RCU,
    bpf_cpumask_copy: F.RCU,
    bpf_cpumask_any_distribute: F.RCU,
    bpf_cpumask_any_and_distribute: F.RCU,
    bpf_cpumask_weight: F.RCU,
    bpf_cpumask_populate: F.RCU,
  }),
  kfuncSet(["syscall"], {
    bpf_crypto_ctx_create: F.ACQUIRE | F.RET_NULL | F.SLEEPABLE,
    bpf_crypto_ctx_release: F.RELEASE,
    bpf_crypto_ctx_acquire: F.ACQUIRE | F.RCU | F.RET_NULL,
  }),
  kfuncSet(["tc", "schedAct", "xdp"], {
    bpf_crypto_decrypt: F.RCU,
    bpf_crypto_encrypt: F.RCU,
  }),
  kfuncSet(
    ["kprobe"],
    {
      bpf_session_is_return: 0,
      bpf_session_cookie: 0,
    },
    "sessions",
  ),
  kfuncSet(["tracing"], {
    css_rstat_updated: 0,
    css_rstat_flush: F.SLEEPABLE,
  }),
];
