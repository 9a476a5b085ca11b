// SPDX-License-Identifier: MIT
// CO-RE of types: existence and size of structs, unions, enums, typedefs; type ids here and in the target.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define PRESERVED __attribute__((preserve_access_index))
struct task_struct { int pid; } PRESERVED;
union bpf_attr_flavourless { int a; } PRESERVED;
struct no_such_struct { int a; } PRESERVED;
typedef struct { int counter; } PRESERVED atomic_t;
enum pid_type { PIDTYPE_PID };

__u64 out[10];

SEC("socket") int program(struct __sk_buff *skb)
{
	out[0] = bpf_core_type_exists(struct task_struct);
	out[1] = bpf_core_type_exists(struct no_such_struct);
	out[2] = bpf_core_type_exists(union bpf_attr_flavourless);
	out[3] = bpf_core_type_exists(atomic_t);
	out[4] = bpf_core_type_exists(enum pid_type);
	out[5] = bpf_core_type_size(struct task_struct);
	out[6] = bpf_core_type_size(atomic_t);
	out[7] = bpf_core_type_id_local(struct task_struct);
	out[8] = bpf_core_type_id_kernel(struct task_struct);
	out[9] = bpf_core_type_id_kernel(atomic_t);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
