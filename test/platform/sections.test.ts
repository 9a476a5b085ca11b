import { describe, expect, it } from "vitest";
import { matchSection, SECTION_DEFINITIONS } from "../../src/platform/index.ts";

/** Type, attach type, flags and target in one line, as a table of expectations reads best. */
function summary(name: string): string {
  const match = matchSection(name);
  if (match === null) return "none";
  const { type, attachType, sleepable, xdpFrags, attachBtf, usdt, pattern } = match.definition;
  const flags = Object.entries({ sleepable, xdpFrags, attachBtf, usdt }).flatMap(([flag, on]) =>
    on ? [flag] : [],
  );
  return [pattern, type, attachType, match.target, ...flags].join(" ");
}

describe("matchSection", () => {
  it.each([
    ["xdp", "xdp 6 37 "],
    ["xdp.frags", "xdp.frags 6 37  xdpFrags"],
    ["xdp.frags/devmap", "xdp.frags/devmap 6 33  xdpFrags"],
    ["xdp/cpumap", "xdp/cpumap 6 35 "],
    ["xdp/anything", "none"],
    ["xdp_drop", "none"],
    ["tc", "tc 3  "],
    ["tc/ingress", "tc/ingress 3 46 "],
    ["tcx/egress", "tcx/egress 3 47 "],
    ["netkit/peer", "netkit/peer 3 55 "],
    ["classifier", "classifier 3  "],
    ["classifier/prog", "none"],
    ["action", "action 4  "],
    ["socket", "socket 1  "],
    ["tp/syscalls/sys_enter_openat", "tp+ 5  syscalls/sys_enter_openat"],
    ["tracepoint/sched/sched_switch", "tracepoint+ 5  sched/sched_switch"],
    ["raw_tp.w/bpf_test_finish", "raw_tp.w+ 24  bpf_test_finish"],
    ["raw_tp", "raw_tp+ 17  "],
    ["raw_tp/", "raw_tp+ 17  "],
    ["raw_tpx", "none"],
    ["tp_btf/sys_enter", "tp_btf+ 26 23 sys_enter attachBtf"],
    ["fentry.s/do_unlinkat", "fentry.s+ 26 24 do_unlinkat sleepable attachBtf"],
    ["fmod_ret/f", "fmod_ret+ 26 26 f attachBtf"],
    ["freplace/sub", "freplace+ 28  sub attachBtf"],
    ["lsm/file_open", "lsm+ 29 27 file_open attachBtf"],
    ["lsm_cgroup/socket_bind", "lsm_cgroup+ 29 43 socket_bind attachBtf"],
    ["iter.s/task", "iter.s+ 26 28 task sleepable attachBtf"],
    ["kprobe.multi/tcp_*", "kprobe.multi+ 2 42 tcp_*"],
    ["uprobe.s//usr/bin/true:main", "uprobe.s+ 2  /usr/bin/true:main sleepable"],
    ["ksyscall/openat", "ksyscall+ 2  openat"],
    ["usdt/./a.out:p:n", "usdt+ 2  ./a.out:p:n usdt"],
    ["syscall", "syscall 31   sleepable"],
    ["struct_ops.s/init", "struct_ops.s+ 27  init sleepable"],
    ["cgroup_skb/egress", "cgroup_skb/egress 8 1 "],
    ["cgroup/skb", "cgroup/skb 8  "],
    ["cgroup/connect_unix", "cgroup/connect_unix 18 49 "],
    ["sk_skb/stream_verdict", "sk_skb/stream_verdict 14 5 "],
    ["netfilter", "netfilter 32 45 "],
    ["", "none"],
    [".text", "none"],
    ["+", "none"],
    ["kprobe+", "none"],
  ])("%s", (name, expected) => {
    expect(summary(name)).toBe(expected);
  });

  it("has one definition for each name", () => {
    const names = SECTION_DEFINITIONS.map((definition) => definition.pattern.replace("+", ""));
    expect(new Set(names).size).toBe(names.length);
    for (const definition of SECTION_DEFINITIONS) {
      const name = definition.pattern.replace("+", "/target");
      expect(matchSection(name)?.definition).toBe(definition);
    }
  });
});
