import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { kernelVersion } from "../../src/loader/kconfig.ts";
import { mapInfo, progInfo } from "../../src/sys/index.ts";
import { createHash, FRAME, loadText, refusal, u32 } from "./support.ts";

describe("rights", () => {
  const kernel = new EmbeddedKernel();

  it("refuses what Linux refuses callers without capabilities", () => {
    using guest = kernel.process({ uid: 1000, caps: [] });
    expect(refusal(() => createHash(guest))).toBe("EPERM");
    expect(refusal(() => loadText(guest, "socket_filter", "r0 = 0\nexit"))).toBe("EPERM");
    expect(refusal(() => guest.mapGetNextId({ startId: 0 }))).toBe("EPERM");
    expect(refusal(() => guest.mapGetFdById({ id: 1 }))).toBe("EPERM");
    expect(refusal(() => guest.btfLoad({ btf: new Uint8Array(24) }))).toBe("EPERM");
  });

  it("asks for the capability of the program's type", () => {
    using bpf = kernel.process({ caps: ["BPF"] });
    expect(refusal(() => createHash(bpf))).toBe("granted");
    expect(refusal(() => loadText(bpf, "socket_filter", "r0 = 0\nexit"))).toBe("granted");
    expect(refusal(() => loadText(bpf, "cgroup_skb", "r0 = 0\nexit"))).toBe("granted");
    expect(refusal(() => loadText(bpf, "sk_reuseport", "r0 = 0\nexit"))).toBe("granted");
    expect(refusal(() => loadText(bpf, "xdp", "r0 = 0\nexit"))).toBe("EPERM");
    expect(refusal(() => loadText(bpf, "raw_tracepoint", "r0 = 0\nexit"))).toBe("EPERM");
    expect(refusal(() => bpf.mapGetNextId({ startId: 0 }))).toBe("EPERM");
    using net = kernel.process({ caps: ["BPF", "NET_ADMIN"] });
    expect(refusal(() => loadText(net, "xdp", "r0 = 0\nexit"))).toBe("granted");
    using perf = kernel.process({ caps: ["BPF", "PERFMON"] });
    expect(refusal(() => loadText(perf, "raw_tracepoint", "r0 = 0\nexit"))).toBe("granted");
  });

  it("takes CAP_SYS_ADMIN for all of them", () => {
    using admin = kernel.process({ caps: ["SYS_ADMIN"] });
    expect(refusal(() => loadText(admin, "raw_tracepoint", "r0 = 0\nexit"))).toBe("granted");
    expect(admin.progGetNextId({ startId: 0 })).not.toBeNull();
  });

  it("says who loaded a program", () => {
    using caller = kernel.process({ uid: 1234, caps: ["SYS_ADMIN"] });
    expect(progInfo(caller, loadText(caller, "xdp", "r0 = 0\nexit")).createdByUid).toBe(1234);
  });
});

describe("descriptors", () => {
  it("belong to one process", () => {
    const kernel = new EmbeddedKernel();
    const one = kernel.process();
    const other = kernel.process();
    const fd = createHash(one);
    expect(refusal(() => mapInfo(other, fd))).toBe("EBADFD");
    expect(createHash(other)).toBe(fd);
    expect(one.pid).not.toBe(other.pid);
  });

  it("are the lowest that are free, from 3", () => {
    const kernel = new EmbeddedKernel();
    expect([createHash(kernel), createHash(kernel), createHash(kernel)]).toEqual([3, 4, 5]);
    kernel.close(4);
    kernel.close(3);
    expect([createHash(kernel), createHash(kernel), createHash(kernel)]).toEqual([3, 4, 6]);
  });

  it("run out, and nothing is left of what got none", () => {
    const kernel = new EmbeddedKernel();
    using small = kernel.process({ maxFds: 5 });
    createHash(small);
    createHash(small);
    expect(refusal(() => createHash(small))).toBe("EMFILE");
    expect(refusal(() => loadText(small, "xdp", "r0 = 0\nexit"))).toBe("EMFILE");
    expect(small.port.dup(3)).toBe(-24);
    expect(kernel.mapGetNextId({ startId: 2 })).toBeNull();
    expect(kernel.progGetNextId({ startId: 0 })).toBeNull();
    small.close(3);
    expect(createHash(small)).toBe(3);
  });

  it("share their object when they are duplicated", () => {
    const kernel = new EmbeddedKernel();
    const fd = createHash(kernel);
    const twin = kernel.port.dup(fd);
    kernel.close(fd);
    kernel.mapUpdateElem({ mapFd: twin, key: u32(1), value: new Uint8Array(8) });
    kernel.close(twin);
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
    expect(kernel.port.close(twin)).toBe(-9);
  });

  it("close when the process ends", () => {
    const kernel = new EmbeddedKernel();
    {
      using process = kernel.process();
      createHash(process);
      loadText(process, "xdp", "r0 = 0\nexit");
      expect(kernel.mapGetNextId({ startId: 0 })).toBe(1);
    }
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
    expect(kernel.progGetNextId({ startId: 0 })).toBeNull();
  });
});

describe("objects live as long as something refers to them", () => {
  it("a map as long as a program that uses it", () => {
    const kernel = new EmbeddedKernel();
    const map = createHash(kernel);
    const { id } = mapInfo(kernel, map);
    const program = loadText(kernel, "xdp", `r1 = map[id:${map}]\nr0 = 0\nexit`);
    kernel.close(map);
    kernel.close(kernel.mapGetFdById({ id }));
    kernel.close(program);
    expect(refusal(() => kernel.mapGetFdById({ id }))).toBe("ENOENT");
  });

  it("a map as long as a program that it is bound to", () => {
    const kernel = new EmbeddedKernel();
    const map = createHash(kernel);
    const { id } = mapInfo(kernel, map);
    const program = loadText(kernel, "xdp", "r0 = 0\nexit");
    kernel.progBindMap({ progFd: program, mapFd: map });
    kernel.progBindMap({ progFd: program, mapFd: map });
    kernel.close(map);
    kernel.close(kernel.mapGetFdById({ id }));
    kernel.close(program);
    expect(refusal(() => kernel.mapGetFdById({ id }))).toBe("ENOENT");
  });

  it("a map as long as its pin, whoever made it", () => {
    const kernel = new EmbeddedKernel();
    {
      using process = kernel.process();
      process.objPin({ pathname: "/sys/fs/bpf/kept", bpfFd: createHash(process) });
    }
    const fd = kernel.objGet({ pathname: "/sys/fs/bpf/kept" });
    kernel.close(fd);
    expect(kernel.port.remove("/sys/fs/bpf/kept")).toBe(0);
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
  });

  it("leaves nothing behind after ten thousand maps and a thousand programs", () => {
    const kernel = new EmbeddedKernel();
    const turn = () => {
      const map = createHash(kernel);
      kernel.mapUpdateElem({ mapFd: map, key: u32(1), value: new Uint8Array(8) });
      kernel.close(map);
    };
    const program = () => kernel.close(loadText(kernel, "xdp", "r0 = 0\nexit"));
    for (let i = 0; i < 100; i++) turn();
    for (let i = 0; i < 10; i++) program();
    const before = kernel.memoryUsed;
    for (let i = 0; i < 10_000; i++) turn();
    for (let i = 0; i < 1000; i++) program();
    expect(kernel.memoryUsed).toBe(before);
  });
});

describe("options", () => {
  it("say where ids begin", () => {
    const kernel = new EmbeddedKernel({ firstIds: { maps: 100, programs: 200 } });
    expect(mapInfo(kernel, createHash(kernel)).id).toBe(100);
    expect(mapInfo(kernel, createHash(kernel)).id).toBe(101);
    expect(progInfo(kernel, loadText(kernel, "xdp", "r0 = 0\nexit")).id).toBe(200);
  });

  it("make a run repeatable by its seed", () => {
    const numbers = (seed: number) => {
      const kernel = new EmbeddedKernel({ seed });
      const program = loadText(kernel, "sched_cls", "call bpf_get_prandom_u32\nexit");
      return [1, 2, 3].map(() => kernel.progTestRun({ progFd: program, dataIn: FRAME }).retval);
    };
    expect(numbers(7)).toEqual(numbers(7));
    expect(numbers(7)).not.toEqual(numbers(8));
    expect(new Set(numbers(7)).size).toBe(3);
  });

  it("give the clock that programs and load times go by", () => {
    let now = 5_000_000_000;
    const kernel = new EmbeddedKernel({ clock: () => now });
    const program = loadText(kernel, "sched_cls", "call bpf_ktime_get_ns\nr0 /= 1000000\nexit");
    now = 7_000_000_000;
    expect(progInfo(kernel, program).loadTime).toBe(5_000_000_000n);
    expect(kernel.progTestRun({ progFd: program, dataIn: FRAME }).retval).toBe(7000);
  });

  it("bound the memory", () => {
    const kernel = new EmbeddedKernel({ maximumMemory: 8 << 20 });
    expect(refusal(() => createHash(kernel, { maxEntries: 1 << 20 }))).toBe("ENOMEM");
    expect(refusal(() => createHash(kernel))).toBe("granted");
    expect(kernel.mapGetNextId({ startId: 1 })).toBeNull();
  });

  it("count CPUs", () => {
    expect(new EmbeddedKernel({ cpus: 4 }).possibleCpus()).toBe(4);
    expect(new EmbeddedKernel().possibleCpus()).toBe(1);
    expect(() => new EmbeddedKernel({ cpus: 0 })).toThrow("expected 1 to 4096 CPUs, got 0");
  });
});

describe("files", () => {
  it("name the release whose behaviour the kernel has, for kprobes and LINUX_KERNEL_VERSION", () => {
    expect(kernelVersion(new EmbeddedKernel())).toBe((6 << 16) + (18 << 8));
  });
});
