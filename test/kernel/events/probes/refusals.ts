import { decodeStruct } from "../../../../src/sys/index.ts";
import { BpfAttachType, bpfProgInfo, PerfIoctl } from "../../../../src/uapi/index.ts";
import { loadFields } from "../../programs.ts";
import { Pair, room, type Side } from "../../twins.ts";
import type { Kind, Workbench } from "./workbench.ts";

const NAME = "__sys_sendto";
const HOOK = "security_task_getpgid";
const LSM_HOOK = "bpf_lsm_task_getpgid";
const SLEEPABLE = 1 << 4;

/** Where a function is, as each kernel lists it. */
function address({ port }: Side): bigint {
  const symbols = new TextDecoder().decode(port.readFile("/proc/kallsyms") as Uint8Array);
  return BigInt(`0x${new RegExp(`^([0-9a-f]+) [tT] ${NAME}$`, "m").exec(symbols)![1]}`);
}

/** What probes may be opened at, and with what. */
export function compareOpenings(bench: Workbench): void {
  const open = (what: string, opening: Parameters<Workbench["open"]>[1]) => {
    bench.open(what, opening);
    bench.closeAll();
  };
  // The embedded kernel gives functions an address when somebody first asks for them.
  open("by name", { name: NAME });
  for (const config of [0, 1, 2, 3, 4, 256]) open(`config ${config}`, { name: NAME, config });
  for (const name of [
    "",
    "no_such_function",
    "x".repeat(510),
    "x".repeat(511),
    "x".repeat(512),
    "x".repeat(600),
  ])
    for (const config of [0, 1]) open(`name ${name.slice(0, 20)} (${name.length})`, { name, config });
  open("neither name nor address", { name: null });
  for (const config of [0, 1]) {
    for (const at of [1n, 0x1000n, 0x7fff_0000_0000n])
      open(`an address of nothing ${at}`, { name: null, address: () => at, config });
    open("an address", { name: null, address, config });
    open("an address and a name of nothing", { name: "", address, config });
  }
  // In the middle of its first instruction; behind its end.
  for (const offset of [1, 0x1000_0000, 2n ** 63n, 2n ** 64n - 1n])
    open(`offset ${offset}`, { name: NAME, offset, config: 1 });
  for (const [pid, cpu] of [
    [-1, 0],
    [0, -1],
    [0, 0],
    [-1, -1],
    [-1, 999],
    [0x7fff_ffff, 0],
    [-2, 0],
  ] as const)
    open(`pid ${pid}, cpu ${cpu}`, { name: NAME, pid, cpu });
  for (const name of ["__x64_sys_getpgid", HOOK]) open(name, { name });
}

/** Which programs an event of a probe takes, and what is told of it afterwards. */
export function compareAttaching(bench: Workbench): void {
  const { twins } = bench;
  const types = ["kprobe", "tracepoint", "perf_event", "raw_tracepoint", "socket_filter", "xdp", "sched_cls"];
  const plain = (type: string, fields = {}) =>
    bench.keep(
      twins.mustOpen("PROG_LOAD", loadFields(type, "r0 = 0\nexit", { fields }), {
        ignore: ["insns", "logTrueSize"],
      }),
    );
  for (const config of [0, 1]) {
    for (const type of types) {
      const event = bench.open("for programs", { name: NAME, config })!;
      const progFd = plain(type);
      bench.ioctl(`${type} at ${config}`, event, PerfIoctl.SET_BPF, progFd);
      bench.ioctl("the same again", event, PerfIoctl.SET_BPF, progFd);
      bench.ioctl("another", event, PerfIoctl.SET_BPF, plain("kprobe"));
      bench.ioctl("no program", event, PerfIoctl.SET_BPF, bench.map);
      bench.ioctl("no descriptor", event, PerfIoctl.SET_BPF, 9999);
      bench.closeAll();
    }
    for (const [name, fields] of [
      ["that sleeps", { progFlags: SLEEPABLE }],
      ["for many functions", { expectedAttachType: BpfAttachType.TRACE_KPROBE_MULTI }],
    ] as const) {
      const event = bench.open("for programs", { name: NAME, config })!;
      const progFd = bench.keep(
        twins.mustOpen("PROG_LOAD", loadFields("kprobe", "r0 = 0\nexit", { fields }), {
          ignore: ["insns", "logTrueSize"],
        }),
      );
      bench.ioctl(`a program ${name}`, event, PerfIoctl.SET_BPF, progFd);
      bench.closeAll();
    }

    // TASK_FD_QUERY, with and without a program; LINK_CREATE and what links tell.
    const event = bench.open("to ask about", { name: NAME, config })!;
    const ask = (length: number, flags = 0) => {
      const pid = new Pair(twins.kernel.pid, process.pid);
      const buf = room(length);
      twins.call(
        "TASK_FD_QUERY",
        { pid, fd: event, ...(length === 0 ? {} : { buf }), bufLen: length, flags },
        { ignore: ["progId", "probeAddr"] },
      );
    };
    ask(64);
    const progFd = plain("kprobe");
    const link = twins.open("LINK_CREATE", { progFd, targetFd: event, attachType: BpfAttachType.PERF_EVENT });
    for (const length of [0, 1, NAME.length, NAME.length + 1, 64]) ask(length);
    ask(64, 1);
    if (link !== null) {
      twins.both("kind of the link", (side) => bench.linkInfo(side, link).getUint32(0, true));
      twins.call("LINK_UPDATE", { linkFd: link, newProgFd: plain("kprobe") });
      twins.call("LINK_DETACH", { linkFd: link });
      twins.close(link);
    }
    ask(64);
    const unnamed = bench.open("by its address", { name: null, address, config })!;
    bench.ioctl("its program", unnamed, PerfIoctl.SET_BPF, progFd);
    twins.both("what is told of a probe at an address", (side) => {
      const found = side.sys.taskFdQuery({
        pid: side.name === "linux" ? process.pid : twins.kernel.pid,
        fd: side.of(unnamed),
      })!;
      return [found.fdType, found.name, found.probeOffset, found.probeAddr === address(side)];
    });
    const again = (fields: object) =>
      twins.open("LINK_CREATE", { progFd, targetFd: event, attachType: BpfAttachType.PERF_EVENT, ...fields });
    for (const fields of [
      { flags: 1 },
      { attachType: 0 },
      { targetFd: bench.map },
      { progFd: bench.map },
      {},
    ]) {
      const made = again(fields);
      if (made !== null) twins.close(made);
    }
    bench.closeAll();
  }
}

/** What programs around functions are loaded for, and how they are attached. */
export function compareTracing(bench: Workbench): void {
  const { twins } = bench;
  const targets = [NAME, HOOK, LSM_HOOK, "no_such_function", "__x64_sys_getpgid"];
  const kinds: readonly Kind[] = ["fentry", "fexit", "fmod_ret", "lsm"];
  for (const kind of kinds) {
    for (const target of targets) {
      for (const progFlags of [0, SLEEPABLE]) {
        bench.tracing(kind, target, "", { progFlags });
        bench.closeAll();
      }
    }
    for (const attachBtfId of [0, 0x7fff_ffff, bench.typeId("task_struct", 4), bench.typeId("int", 1)]) {
      bench.tracing(kind, NAME, "", { attachBtfId });
      bench.closeAll();
    }
  }

  const text = "r0 = 0\nexit";
  for (const [kind, target] of [
    ["fentry", NAME],
    ["fexit", NAME],
    ["fmod_ret", HOOK],
    ["lsm", LSM_HOOK],
  ] as const) {
    const progFd = bench.tracing(kind, target, text)!;
    const btfId = bench.typeId(target);
    twins.both(`target in the info of ${kind}`, (side) => {
      const info = new Uint8Array(bpfProgInfo.size);
      side.sys.objGetInfoByFd({ bpfFd: side.of(progFd), info });
      return decodeStruct(bpfProgInfo, info).attachBtfId === side.of(btfId);
    });
    const opened = (fields: object) => {
      const link = twins.open("RAW_TRACEPOINT_OPEN", { progFd, ...fields });
      return link === null ? null : bench.keep(link);
    };
    opened({ name: new TextEncoder().encode(`${NAME}\0`) });
    const link = opened({});
    opened({});
    if (link !== null) {
      twins.both(`info of a link of ${kind}`, (side) => {
        const info = bench.linkInfo(side, link);
        // The BTF of the embedded kernel has no number.
        return [info.getUint32(0, true), info.getUint32(16, true)];
      });
      twins.both(
        `target of ${kind}`,
        (side) => bench.linkInfo(side, link).getUint32(24, true) === side.of(btfId),
      );
      twins.call("LINK_UPDATE", { linkFd: link, newProgFd: progFd });
      twins.call("LINK_DETACH", { linkFd: link });
      const pid = new Pair(twins.kernel.pid, process.pid);
      twins.call(
        "TASK_FD_QUERY",
        { pid, fd: link, buf: room(64), bufLen: 64 },
        { ignore: ["progId", "probeAddr"] },
      );
      twins.close(link);
    }
    const own = { fentry: 24, fexit: 25, fmod_ret: 26, lsm: 27 }[kind];
    for (const attachType of [own, 24, 25, 26, 27, 23, 28, 0]) {
      for (const fields of [{}, { flags: 1 }, { targetFd: bench.map }, { targetBtfId: btfId }]) {
        const made = twins.open("LINK_CREATE", { progFd, attachType, ...fields });
        if (made !== null) twins.close(made);
      }
    }
    twins.call("PROG_ATTACH", { attachBpfFd: progFd, attachType: own });
    twins.call("PROG_DETACH", { attachBpfFd: progFd, attachType: own });
    twins.call("PROG_QUERY", { attachType: own, progCnt: 0 });
    bench.closeAll();
  }
}
