// SPDX-License-Identifier: MIT
// A section name of no program type: opening the object keeps the program, of type unspecified.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("my_own_name") int program(void *ctx) { return 0; }

char LICENSE[] SEC("license") = "GPL";
