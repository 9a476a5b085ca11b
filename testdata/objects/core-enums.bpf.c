// SPDX-License-Identifier: MIT
// CO-RE of enumerators: existence and value, with 32-bit and 64-bit enums and a negative value.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

enum pid_type { PIDTYPE_PID, PIDTYPE_SID = 77, PIDTYPE_NO_SUCH = 5 };
enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART = 9 };

__u64 out[6];

SEC("socket") int program(struct __sk_buff *skb)
{
	out[0] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_PID);
	out[1] = bpf_core_enum_value_exists(enum pid_type, PIDTYPE_NO_SUCH);
	out[2] = bpf_core_enum_value(enum pid_type, PIDTYPE_SID);
	out[3] = bpf_core_enum_value(enum hrtimer_restart, HRTIMER_RESTART);
	if (bpf_core_enum_value_exists(enum pid_type, PIDTYPE_NO_SUCH))
		out[4] = bpf_core_enum_value(enum pid_type, PIDTYPE_NO_SUCH);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
