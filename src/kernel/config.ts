/**
 * What this kernel is, as a configuration of Linux says it: what `/boot/config-RELEASE` holds, and `CONFIG_…` externs
 * of programs are made of. Only what holds here: `CONFIG_HZ` is the rate of `bpf_jiffies64`.
 */
export function configText(cpus: number): string {
  return `${[
    "CONFIG_64BIT=y",
    "CONFIG_X86=y",
    "CONFIG_X86_64=y",
    "CONFIG_HZ_250=y",
    "CONFIG_HZ=250",
    ...(cpus > 1 ? ["CONFIG_SMP=y"] : []),
    `CONFIG_NR_CPUS=${cpus}`,
    "CONFIG_BPF=y",
    "CONFIG_BPF_SYSCALL=y",
    "CONFIG_DEBUG_INFO_BTF=y",
    "CONFIG_CGROUPS=y",
    "CONFIG_CGROUP_BPF=y",
    "CONFIG_NET=y",
    "CONFIG_INET=y",
    "CONFIG_IPV6=y",
    "CONFIG_NET_CLS_ACT=y",
    "CONFIG_NET_CLS_BPF=y",
    "CONFIG_NET_ACT_BPF=y",
  ].join("\n")}\n`;
}
