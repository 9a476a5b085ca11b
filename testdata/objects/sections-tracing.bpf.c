// SPDX-License-Identifier: MIT
// Section names of tracing program types: each program does nothing, its section says everything.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define PROGRAM(name, section) \
	SEC(section) int name(void *ctx) { return 0; }

PROGRAM(on_kprobe, "kprobe/do_unlinkat")
PROGRAM(on_kprobe_offset, "kprobe/do_unlinkat+0x10")
PROGRAM(on_kprobe_unattached, "kprobe")
PROGRAM(on_kretprobe, "kretprobe/do_unlinkat")
PROGRAM(on_kprobe_multi, "kprobe.multi/tcp_*")
PROGRAM(on_kretprobe_multi, "kretprobe.multi/tcp_*")
PROGRAM(on_kprobe_session, "kprobe.session/tcp_*")
PROGRAM(on_ksyscall, "ksyscall/nanosleep")
PROGRAM(on_kretsyscall, "kretsyscall/nanosleep")
PROGRAM(on_uprobe, "uprobe//bin/bash:readline")
PROGRAM(on_uprobe_offset, "uprobe/libc.so.6:malloc+8")
PROGRAM(on_uprobe_unattached, "uprobe")
PROGRAM(on_uprobe_sleepable, "uprobe.s//bin/bash:readline")
PROGRAM(on_uretprobe, "uretprobe//bin/bash:readline")
PROGRAM(on_uretprobe_sleepable, "uretprobe.s//bin/bash:readline")
PROGRAM(on_uprobe_multi, "uprobe.multi//bin/bash:read*")
PROGRAM(on_uretprobe_multi, "uretprobe.multi//bin/bash:read*")
PROGRAM(on_uprobe_multi_sleepable, "uprobe.multi.s//bin/bash:read*")
PROGRAM(on_uprobe_session, "uprobe.session//bin/bash:read*")
PROGRAM(on_usdt, "usdt//usr/bin/python3:python:function__entry")
PROGRAM(on_usdt_sleepable, "usdt.s//usr/bin/python3:python:function__entry")
PROGRAM(on_tracepoint, "tracepoint/sched/sched_switch")
PROGRAM(on_tp, "tp/syscalls/sys_enter_openat")
PROGRAM(on_raw_tracepoint, "raw_tracepoint/sched_switch")
PROGRAM(on_raw_tp, "raw_tp/sys_enter")
PROGRAM(on_raw_tp_writable, "raw_tp.w/nbd_send_request")
PROGRAM(on_perf_event, "perf_event")
PROGRAM(on_syscall, "syscall")

char LICENSE[] SEC("license") = "GPL";
