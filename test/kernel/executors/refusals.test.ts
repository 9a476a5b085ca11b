import { describe, expect, it } from "vitest";
import { NotSupported } from "../../../src/base/index.ts";
import type { EmbeddedKernel, KernelOptions } from "../../../src/kernel/index.ts";
import { BpfAttachType, BpfMapType, BpfProgFlag } from "../../../src/uapi/index.ts";
import { loadText } from "../support.ts";
import { lookup, parallelKernel } from "./support.ts";

type Load = (kernel: EmbeddedKernel) => number;

const map = (kernel: EmbeddedKernel, mapType: number, keySize = 4, valueSize = 4) =>
  kernel.mapCreate({ mapType, keySize, valueSize, maxEntries: 16, mapName: "things" });

const CASES: readonly [name: string, why: string, load: Load, options?: KernelOptions][] = [
  [
    "records of perf events",
    "bpf_perf_event_output needs the kernel's own thread",
    (kernel) =>
      loadText(
        kernel,
        "raw_tracepoint",
        ` r2 = map[id:${map(kernel, BpfMapType.PERF_EVENT_ARRAY)}]
          *(u64 *)(r10 - 8) = 0
          r3 = 0
          r4 = r10
          r4 += -8
          r5 = 8
          call bpf_perf_event_output
          r0 = 0
          exit`,
      ),
  ],
  [
    "memory of a task",
    "bpf_probe_read_user needs the kernel's own thread",
    (kernel) =>
      loadText(
        kernel,
        "raw_tracepoint",
        " r1 = r10\n r1 += -8\n r2 = 8\n r3 = 0\n call bpf_probe_read_user\n r0 = 0\n exit",
      ),
  ],
  [
    "stacks",
    "map things is of the type stack_trace, which needs the kernel's own thread",
    (kernel) => {
      const stacks = map(kernel, BpfMapType.STACK_TRACE, 4, 64);
      return loadText(
        kernel,
        "raw_tracepoint",
        ` r3 = ${kernel.pid}\n r2 = map[id:${stacks}]\n r1 = r2\n r0 = 0\n exit`,
      );
    },
  ],
  [
    "the time of a kernel with a clock of its own",
    "bpf_ktime_get_ns needs the kernel's own thread",
    (kernel) => loadText(kernel, "socket_filter", " call bpf_ktime_get_ns\n r0 = 0\n exit"),
    { clock: () => 5 },
  ],
  [
    "what the verifier refuses",
    "the verifier has refused it, and it may do anything",
    (kernel) => loadText(kernel, "socket_filter", " r0 = r5\n exit"),
    { lenient: true },
  ],
  [
    "a program that a tail call could reach",
    "bpf_get_socket_cookie needs the kernel's own thread",
    (kernel) => {
      const programs = map(kernel, BpfMapType.PROG_ARRAY);
      const value = new Uint8Array(4);
      const target = loadText(kernel, "socket_filter", " call bpf_get_socket_cookie\n r0 = 0\n exit");
      new DataView(value.buffer).setUint32(0, target, true);
      kernel.mapUpdateElem({ mapFd: programs, key: new Uint8Array(4), value });
      return loadText(
        kernel,
        "socket_filter",
        ` r2 = map[id:${programs}]\n r3 = 0\n call bpf_tail_call\n r0 = 1\n exit`,
      );
    },
  ],
];

describe("other executors do not run", () => {
  it.each(CASES)("%s", async (_name, why, load, options = {}) => {
    await using kernel = await parallelKernel(options);
    const progFd = load(kernel);
    const running = kernel.runParallel({ progFd, cpus: [0, 1] });
    await expect(running).rejects.toThrow(why);
    await expect(running).rejects.toBeInstanceOf(NotSupported);
    // The kernel's own thread does.
    expect(kernel.progGetNextId({ startId: 0 })).not.toBeNull();
  });

  it("programs whose context no test run can make", async () => {
    await using kernel = await parallelKernel();
    const progFd = loadText(kernel, "kprobe", " r0 = 0\n exit");
    await expect(kernel.runParallel({ progFd, cpus: [0] })).rejects.toThrow(
      "no test run can make its context",
    );
  });

  it("XDP programs that no test run runs: of maps, and of a device", async () => {
    await using kernel = await parallelKernel();
    const { ifindex } = kernel.namespace.addDevice({ name: "eth0", nativeXdp: true });
    const load = (fields: Parameters<typeof loadText>[3]) => loadText(kernel, "xdp", "r0 = 2\nexit", fields);
    const refused = [
      load({ expectedAttachType: BpfAttachType.XDP_DEVMAP }),
      load({ expectedAttachType: BpfAttachType.XDP_CPUMAP }),
      load({ progIfindex: ifindex, progFlags: BpfProgFlag.XDP_DEV_BOUND_ONLY }),
    ];
    for (const progFd of refused) {
      await expect(kernel.runParallel({ progFd, cpus: [0, 1] })).rejects.toThrow("EINVAL");
    }
    expect(await kernel.runParallel({ progFd: load({}), cpus: [0] })).toMatchObject([{ retval: 2 }]);
  });

  it("and run the clock's kernel otherwise", async () => {
    await using kernel = await parallelKernel({ clock: () => 5 });
    const counter = map(kernel, BpfMapType.ARRAY, 4, 8);
    const progFd = loadText(
      kernel,
      "socket_filter",
      `${lookup(counter, 0)}\n r1 = 1\n lock *(u64 *)(r0 + 0) += r1\nout:\n r0 = 0\n exit`,
    );
    await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 10 });
    expect(kernel.mapLookupElem({ mapFd: counter, key: new Uint8Array(4) })![0]).toBe(20);
  });
});
