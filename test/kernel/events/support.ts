import {
  type EmbeddedKernel,
  EmbeddedKernel as Kernel,
  type KernelOptions,
} from "../../../src/kernel/index.ts";
import { encodeStruct, Loans, type StructInput } from "../../../src/sys/index.ts";
import { BpfMapType, PerfSample, PerfType, perfEventAttr } from "../../../src/uapi/index.ts";
import { u32 } from "../support.ts";

/** A kernel with a clock that stands still until it is set, or goes on by a step whenever somebody looks. */
export function clocked(options: Omit<KernelOptions, "clock"> = {}) {
  const clock = { now: 1000, step: 0 };
  return { clock, kernel: new Kernel({ clock: () => (clock.now += clock.step), ...options }) };
}

/** An array of 8-byte words. */
export function words(kernel: EmbeddedKernel, maxEntries = 4): number {
  return kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries });
}

export function wordAt(kernel: EmbeddedKernel, mapFd: number, index: number): bigint {
  const value = kernel.mapLookupElem({ mapFd, key: u32(index) })!;
  return new DataView(value.buffer, value.byteOffset).getBigUint64(0, true);
}

/** Assembly that stores r7 in a word of a map. Uses r0 to r5 and the top of the stack. */
export function store(mapFd: number, index: number): string {
  return `
    *(u32 *)(r10 - 4) = ${index}
    r2 = r10
    r2 += -4
    r1 = map[id:${mapFd}]
    call bpf_map_lookup_elem
    if r0 == 0 goto +1
    *(u64 *)(r0 + 0) = r7`;
}

/** Assembly that counts in a word of a map. */
export function count(mapFd: number, index = 0): string {
  return `
    *(u32 *)(r10 - 4) = ${index}
    r2 = r10
    r2 += -4
    r1 = map[id:${mapFd}]
    call bpf_map_lookup_elem
    if r0 == 0 goto +2
    r1 = 1
    lock *(u64 *)(r0 + 0) += r1`;
}

/** perf_event_open(2) of an event of a CPU, unless told of a task. */
export function perfOpen(
  kernel: EmbeddedKernel,
  attr: StructInput<typeof perfEventAttr>,
  { pid = -1, cpu = 0 } = {},
): number {
  return kernel.port.perfEventOpen(encodeStruct(perfEventAttr, { size: 136, ...attr }), pid, cpu, -1, 8);
}

/** As {@link perfOpen}, of a trace event by its name. */
export function traceOpen(kernel: EmbeddedKernel, category: string, name: string, cpu = 0): number {
  const id = kernel.port.readFile(`/sys/kernel/tracing/events/${category}/${name}/id`);
  if (typeof id === "number") throw new Error(`no trace event ${category}:${name}`);
  const config = Number(new TextDecoder().decode(id));
  return perfOpen(kernel, { type: PerfType.TRACEPOINT, config, samplePeriod: 1 }, { cpu });
}

/** As {@link perfOpen}, of a function of the kernel or a place in a file. */
export function probeOpen(
  kernel: EmbeddedKernel,
  kind: "kprobe" | "uprobe",
  name: string,
  { offset = 0, onReturn = false, pid = -1, cpu = 0 } = {},
): number {
  const type = kernel.port.readFile(`/sys/bus/event_source/devices/${kind}/type`);
  using loans = new Loans(kernel.port.memory);
  const attr = {
    type: Number(new TextDecoder().decode(type as Uint8Array)),
    config: onReturn ? 1 : 0,
    kprobeFunc: loans.lend(new TextEncoder().encode(`${name}\0`)),
    probeOffset: offset,
  };
  return perfOpen(kernel, attr, { pid, cpu });
}

/** A perf event for the bytes of programs, in the place of its CPU in an array of them. */
export function bpfOutput(kernel: EmbeddedKernel, mapFd: number, cpu: number): number {
  const attr = {
    type: PerfType.SOFTWARE,
    config: 10,
    sampleType: PerfSample.RAW,
    samplePeriod: 1,
    wakeupEvents: 1,
  };
  const fd = perfOpen(kernel, attr, { cpu });
  kernel.mapUpdateElem({ mapFd, key: u32(cpu), value: u32(fd) });
  return fd;
}
