import { afterAll, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../../src/base/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { BpfAttachType, BpfCmd, bpfLinkInfo, PerfType } from "../../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { type Fields, Pair, room, type Side, Twins } from "../twins.ts";
import { Stage } from "./stage.ts";

const EMPTY = "r0 = 0\nexit";
const ONE = "r0 = 1\nexit";
const KPROBES: readonly number[] = [BpfAttachType.TRACE_KPROBE_MULTI, BpfAttachType.TRACE_KPROBE_SESSION];

describeWith([liveKernel("6.18")], "links, as on Linux", async () => {
  const twins = await Twins.meet({ btf: linuxTypes() });
  const stage = await Stage.set(twins);
  const programs: Record<string, Pair> = {};
  const targets: Record<string, Pair | number> = {};
  let veth = 0;

  beforeAll(() => {
    const expecting = (expectedAttachType: number) => ({ fields: { expectedAttachType } });
    const types = [
      ["raw_tracepoint", EMPTY],
      ["tracepoint", EMPTY],
      ["kprobe", EMPTY],
      ["perf_event", EMPTY],
      ["xdp", EMPTY],
      ["sched_cls", EMPTY],
      ["socket_filter", EMPTY],
      ["cgroup_skb", ONE],
      ["cgroup_device", ONE],
      ["flow_dissector", ONE],
      ["sock_ops", ONE],
    ] as const;
    for (const [type, text] of types) programs[type] = load(twins, type, text);
    const more = [
      ["cgroup_sock", ONE, BpfAttachType.CGROUP_INET_SOCK_CREATE],
      ["cgroup_sock_addr", ONE, BpfAttachType.CGROUP_INET4_CONNECT],
      ["sk_lookup", ONE, BpfAttachType.SK_LOOKUP],
      ["netfilter", ONE, BpfAttachType.NETFILTER],
    ] as const;
    for (const [type, text, attachType] of more)
      programs[type] = load(twins, type, text, expecting(attachType));
    programs["uprobe_multi"] = load(twins, "kprobe", EMPTY, expecting(BpfAttachType.TRACE_UPROBE_MULTI));
    veth = stage.veth();
    targets["nothing"] = 0;
    targets["no descriptor"] = 9999;
    targets["map"] = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: 1 });
    targets["cgroup"] = stage.cgroup("links");
    targets["netns"] = stage.namespace();
    targets["trace"] = stage.trace("sched/sched_process_exec");
    targets["clock"] = stage.perf({ type: PerfType.SOFTWARE, config: 0, disabled: 1 });
    targets["lo"] = 1;
    targets["veth"] = veth;
  });
  afterAll(() => {
    twins[Symbol.dispose]();
    stage[Symbol.dispose]();
  });

  /** Creates a link, and closes it. */
  const attempt = (command: "LINK_CREATE" | "RAW_TRACEPOINT_OPEN", fields: Fields, options = {}) => {
    const link = twins.open(command, fields, options);
    if (link === null) return false;
    // A process that another test forks has copies of descriptors for a moment: what can be detached is.
    const attr = new Uint8Array(4);
    for (const side of twins.sides) {
      new DataView(attr.buffer).setInt32(0, side.of(link), true);
      side.port.bpf(BpfCmd.LINK_DETACH, attr, attr.length);
    }
    twins.close(link);
    return true;
  };

  it("raw tracepoints: programs, names and sizes", () => {
    const name = (text: string) => utf8(`${text}\0`);
    for (const progFd of [...Object.values(programs), targets["map"]!, targets["trace"]!, 0, 9999]) {
      for (const tracepoint of ["sched_process_exec", "no_such_point"])
        attempt("RAW_TRACEPOINT_OPEN", { progFd, name: name(tracepoint) });
      attempt("RAW_TRACEPOINT_OPEN", { progFd, name: 0 });
    }
    const progFd = programs["raw_tracepoint"]!;
    const names = [
      ...["sys_enter", "sys_enter_openat", "sched:sched_switch", "", "print", "x".repeat(126)],
      ...["x".repeat(127), "x".repeat(128), "pelt_cfs_tp", "SCHED_SWITCH"],
    ];
    for (const each of names) attempt("RAW_TRACEPOINT_OPEN", { progFd, name: name(each) });
    for (const size of [0, 8, 11, 12, 16, 24])
      attempt("RAW_TRACEPOINT_OPEN", { progFd, name: name("sys_enter") }, { size });
    for (const byte of [0, 1])
      attempt(
        "RAW_TRACEPOINT_OPEN",
        { progFd, name: name("sys_enter") },
        { tail: Uint8Array.of(byte, 0, 0, 0) },
      );
    attempt("RAW_TRACEPOINT_OPEN", { progFd, name: 0x10 });
    // As many arguments as the tracepoint has.
    for (const at of [0, 8, 16, 24, 32, 40]) {
      const reads = load(twins, "raw_tracepoint", `r0 = *(u64 *)(r1 + ${at})\nr0 = 0\nexit`);
      for (const each of ["sys_enter", "sched_switch", "sched_process_exec", "sched_wakeup"])
        attempt("RAW_TRACEPOINT_OPEN", { progFd: reads, name: name(each) });
      twins.close(reads);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("every type of program, attach type and target", () => {
    let granted = 0;
    for (const progFd of [...Object.values(programs), 9999, targets["map"]!]) {
      for (let attachType = 0; attachType < 62; attachType++) {
        // Hooks that only a descriptor of a map stands for.
        if (attachType === BpfAttachType.STRUCT_OPS) continue;
        // This machine's kernel has no kprobes.
        if (KPROBES.includes(attachType)) continue;
        for (const targetFd of Object.values(targets))
          if (attempt("LINK_CREATE", { progFd, targetFd, attachType })) granted++;
      }
    }
    expect(granted).toBeGreaterThan(15);
    expect(twins.taken()).toEqual([]);
  }, 300_000);

  const places = () =>
    [
      ["cgroup_skb", { targetFd: targets["cgroup"]!, attachType: BpfAttachType.CGROUP_INET_EGRESS }],
      ["sk_lookup", { targetFd: targets["netns"]!, attachType: BpfAttachType.SK_LOOKUP }],
      ["flow_dissector", { targetFd: targets["netns"]!, attachType: BpfAttachType.FLOW_DISSECTOR }],
      ["xdp", { targetFd: 1, attachType: BpfAttachType.XDP }],
      ["xdp", { targetFd: veth, attachType: BpfAttachType.XDP }],
      ["sched_cls", { targetFd: 1, attachType: BpfAttachType.TCX_INGRESS }],
      ["tracepoint", { targetFd: targets["trace"]!, attachType: BpfAttachType.PERF_EVENT }],
      ["perf_event", { targetFd: targets["clock"]!, attachType: BpfAttachType.PERF_EVENT }],
      [
        "netfilter",
        { attachType: BpfAttachType.NETFILTER, netfilterPf: 2, netfilterHooknum: 1, netfilterPriority: 7 },
      ],
    ] as const;

  it("flags and what stands behind the fields", () => {
    for (const [type, fields] of places()) {
      const progFd = programs[type]!;
      for (let bit = 0; bit < 32; bit++)
        attempt("LINK_CREATE", { progFd, ...fields, flags: (1 << bit) >>> 0 });
      attempt("LINK_CREATE", { progFd, ...fields }, { tail: Uint8Array.of(1, 0, 0, 0) });
      for (const size of [8, 12, 16, 20, 40, 60]) attempt("LINK_CREATE", { progFd, ...fields }, { size });
    }
    for (const pf of [0, 1, 2, 7, 10, 99])
      for (const hook of [0, 4, 5, 99])
        for (const flags of [0, 1, 2])
          attempt("LINK_CREATE", {
            ...{ progFd: programs["netfilter"]!, attachType: BpfAttachType.NETFILTER },
            ...{ netfilterPf: pf, netfilterHooknum: hook, netfilterFlags: flags, netfilterPriority: 5 },
          });
    for (const priority of [0x8000_0000, 0x7fff_ffff, 0, 0xffff_fe70, 0xffff_fe71, 0xffff_fe6f])
      for (const flags of [0, 1])
        attempt("LINK_CREATE", {
          ...{ progFd: programs["netfilter"]!, attachType: BpfAttachType.NETFILTER },
          ...{ netfilterPf: 2, netfilterHooknum: 0, netfilterFlags: flags, netfilterPriority: priority },
        });
    // Defragmentation is a module's, which is there or not.
    const others = twins.taken().filter((each) => !each.includes("netfilterFlags: 1"));
    expect(others).toEqual([]);
  });

  it("programs are exchanged, links detached and told of", () => {
    for (const [type, fields] of places()) {
      const progFd = programs[type]!;
      const link = twins.mustOpen("LINK_CREATE", { progFd, ...fields });
      const others = Object.values(programs);
      // A second one at the same place.
      attempt("LINK_CREATE", { progFd, ...fields });
      const another = load(
        twins,
        type,
        type === "xdp" || type === "sched_cls" ? EMPTY : textOf(type),
        expectedOf(type),
      );
      attempt("LINK_CREATE", { progFd: another, ...fields });
      for (const newProgFd of [another, progFd, ...others, 9999, targets["map"]!]) {
        twins.call("LINK_UPDATE", { linkFd: link, newProgFd });
        twins.call("LINK_UPDATE", { linkFd: link, newProgFd, flags: 4, oldProgFd: progFd });
        twins.call("LINK_UPDATE", { linkFd: link, newProgFd, flags: 4, oldProgFd: another });
        twins.call("LINK_UPDATE", { linkFd: link, newProgFd, oldProgFd: another });
        twins.call("LINK_UPDATE", { linkFd: link, newProgFd, flags: 1 });
      }
      for (const linkFd of [progFd, 9999, 0, targets["map"]!]) {
        twins.call("LINK_UPDATE", { linkFd, newProgFd: progFd });
        twins.call("LINK_DETACH", { linkFd });
        const made = twins.open("ITER_CREATE", { linkFd });
        if (made !== null) twins.close(made);
      }
      const iter = twins.open("ITER_CREATE", { linkFd: link });
      if (iter !== null) twins.close(iter);
      // Ids of groups and numbers of namespaces.
      const numbered = ["cgroup_skb", "sk_lookup", "flow_dissector"].includes(type);
      const differing = { mask: { info: [4, numbered ? 24 : 12] } } as const;
      for (const infoLen of [0, 8, 12, 16, 24, 32, 64, 72])
        twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: link, infoLen, info: new Uint8Array(infoLen) }, differing);
      twins.call("LINK_DETACH", { linkFd: link });
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: link, infoLen: 64, info: new Uint8Array(64) }, differing);
      twins.call("LINK_DETACH", { linkFd: link });
      twins.call("LINK_UPDATE", { linkFd: link, newProgFd: another });
      twins.close(link);
      twins.close(another);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("names go to buffers of any size", () => {
    const link = twins.mustOpen("RAW_TRACEPOINT_OPEN", {
      progFd: programs["raw_tracepoint"]!,
      name: utf8("sched_process_exec\0"),
      cookie: 0x1234_5678_9abcn,
    });
    const targetFd = targets["trace"]!;
    const perf = twins.mustOpen("LINK_CREATE", {
      ...{ progFd: programs["tracepoint"]!, targetFd, attachType: BpfAttachType.PERF_EVENT },
      perfEventBpfCookie: 99,
    });
    const places = [
      [link, 16, 24],
      [perf, 24, 32],
    ] as const;
    for (const [bpfFd, at, roomAt] of places) {
      for (const size of [0, 1, 2, 10, 18, 19, 20, 64]) {
        for (const buffer of [0, 1, 2]) {
          twins.both(`info with ${size} bytes at ${buffer}`, (side) => {
            const text = room(64);
            const address = side.port.memory.lend(text);
            const info = new Uint8Array(bpfLinkInfo.size);
            const view = new DataView(info.buffer);
            view.setBigUint64(at, buffer === 0 ? 0n : buffer === 1 ? address : 0x10n, true);
            view.setUint32(roomAt, size, true);
            const result = infoCall(side, side.of(bpfFd), info);
            side.port.memory.release(address);
            return [result, text, view.getUint32(roomAt, true), [...info.subarray(roomAt + 4)]];
          });
        }
      }
    }
    twins.close(link);
    twins.close(perf);
    expect(twins.taken()).toEqual([]);
  });

  it("what stands behind a descriptor", () => {
    const link = twins.mustOpen("RAW_TRACEPOINT_OPEN", {
      progFd: programs["raw_tracepoint"]!,
      name: utf8("sched_process_exec\0"),
    });
    const self = new Pair(twins.kernel.pid, process.pid);
    const query = (fd: Pair | number, more: Fields = {}) =>
      twins.call(
        "TASK_FD_QUERY",
        { pid: self, fd, bufLen: 64, buf: room(64), ...more },
        { ignore: ["progId"] },
      );
    const all = () => {
      for (const fd of [link, ...Object.values(targets), ...Object.values(programs)]) query(fd);
    };
    all();
    const perf = twins.mustOpen("LINK_CREATE", {
      ...{
        progFd: programs["tracepoint"]!,
        targetFd: targets["trace"]!,
        attachType: BpfAttachType.PERF_EVENT,
      },
    });
    const clock = twins.mustOpen("LINK_CREATE", {
      ...{
        progFd: programs["perf_event"]!,
        targetFd: targets["clock"]!,
        attachType: BpfAttachType.PERF_EVENT,
      },
    });
    all();
    query(perf);
    query(clock);
    for (const bufLen of [0, 1, 5, 18, 19, 20]) query(link, { bufLen });
    query(link, { buf: 0, bufLen: 0 });
    query(link, { buf: 0, bufLen: 10 });
    query(link, { buf: 0x10, bufLen: 10 });
    query(link, { flags: 1 });
    query(link, { pid: 0 });
    query(link, { pid: 0x3fff_fff0 });
    for (const each of [perf, clock, link]) twins.close(each);
    expect(twins.taken()).toEqual([]);
  });

  it("statistics and ids", () => {
    for (const type of [0, 1, 2, 0xffff_ffff]) {
      const fd = twins.open("ENABLE_STATS", { type });
      if (fd !== null) twins.close(fd);
    }
    const fd = twins.open("ENABLE_STATS", { type: 0 }, { tail: Uint8Array.of(1, 0, 0, 0) });
    if (fd !== null) twins.close(fd);
    for (const linkId of [0, 0x7fff_fff0, 0xffff_ffff]) {
      const link = twins.open("LINK_GET_FD_BY_ID", { linkId });
      if (link !== null) twins.close(link);
    }
    for (const startId of [0x7fff_fff0, 0x7fff_ffff, 0xffff_ffff])
      twins.call("LINK_GET_NEXT_ID", { startId });
    expect(twins.taken()).toEqual([]);
  });
});

function textOf(type: string): string {
  return ["cgroup_skb", "sk_lookup", "flow_dissector", "netfilter"].includes(type) ? ONE : EMPTY;
}

function expectedOf(type: string) {
  const attachType = { sk_lookup: BpfAttachType.SK_LOOKUP, netfilter: BpfAttachType.NETFILTER }[type];
  return attachType === undefined ? {} : { fields: { expectedAttachType: attachType } };
}

/** OBJ_GET_INFO_BY_FD by itself, whose buffer has an address of another one in it. */
function infoCall(side: Side, fd: number, info: Uint8Array): number {
  const address = side.port.memory.lend(info);
  const attr = new Uint8Array(16);
  const view = new DataView(attr.buffer);
  view.setUint32(0, fd, true);
  view.setUint32(4, info.length, true);
  view.setBigUint64(8, address, true);
  const result = side.port.bpf(BpfCmd.OBJ_GET_INFO_BY_FD, attr, attr.length);
  side.port.memory.release(address);
  return result;
}
