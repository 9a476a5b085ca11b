// SPDX-License-Identifier: MIT
// __kconfig externs of every kind of value, strong and weak, and the two that loaders compute themselves.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern _Bool CONFIG_BPF __kconfig;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig;
extern unsigned long CONFIG_HZ __kconfig;
extern int CONFIG_NR_CPUS __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[32] __kconfig __weak;
extern int CONFIG_THAT_NO_KERNEL_HAS __kconfig __weak;

__u64 seen[8];

SEC("socket") int program(struct __sk_buff *skb)
{
	seen[0] = LINUX_KERNEL_VERSION;
	seen[1] = LINUX_HAS_BPF_COOKIE;
	seen[2] = CONFIG_BPF;
	seen[3] = CONFIG_BPF_SYSCALL;
	seen[4] = CONFIG_HZ;
	seen[5] = CONFIG_NR_CPUS;
	seen[6] = CONFIG_DEFAULT_HOSTNAME[0];
	seen[7] = CONFIG_THAT_NO_KERNEL_HAS;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
