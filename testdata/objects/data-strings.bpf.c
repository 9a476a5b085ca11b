// SPDX-License-Identifier: MIT
// String literals: .rodata.str1.1 (merged strings), and a static const string copied to the stack by bpf_printk.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("raw_tp/sys_enter") int program(void *ctx)
{
	bpf_printk("pid %d", (int)bpf_get_current_pid_tgid());
	return bpf_strncmp("abc", 4, "abd");
}

char LICENSE[] SEC("license") = "GPL";
