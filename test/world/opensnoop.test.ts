import { describe, expect, it } from "vitest";
import { textOf, utf8 } from "../../src/base/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfMapType, PerfIoctl } from "../../src/uapi/index.ts";
import { World } from "../../src/world/index.ts";
import { traceOpen } from "../kernel/events/support.ts";
import { loadText } from "../kernel/support.ts";

/** What opensnoop's program does: who opens which file. */
const text = (ring: number) => `
  r6 = r1
  r1 = map[id:${ring}]
  r2 = 88
  r3 = 0
  call bpf_ringbuf_reserve
  if r0 == 0 goto done
  r7 = r0
  call bpf_get_current_pid_tgid
  *(u64 *)(r7 + 0) = r0
  r1 = r7
  r1 += 8
  r2 = 16
  call bpf_get_current_comm
  r1 = r7
  r1 += 24
  r2 = 64
  r3 = *(u64 *)(r6 + 24)
  call bpf_probe_read_user_str
  r1 = r7
  r2 = 0
  call bpf_ringbuf_submit
done:
  r0 = 0
  exit`;

describe("a task's memory", () => {
  it("is what programs read of it", () => {
    const kernel = new EmbeddedKernel();
    const world = new World(kernel);
    const ring = kernel.mapCreate({
      mapType: BpfMapType.RINGBUF,
      keySize: 0,
      valueSize: 0,
      maxEntries: 4096,
    });
    const event = traceOpen(kernel, "syscalls", "sys_enter_openat");
    expect(kernel.port.ioctl(event, PerfIoctl.SET_BPF, loadText(kernel, "tracepoint", text(ring)))).toBe(0);
    const memory = kernel.createAddressSpace();
    memory.map(0x7fff_0000_0000n, 8192);
    const name = 0x7fff_0000_0ffcn;
    // Across two pages.
    expect(memory.put(name, utf8("/etc/passwd\0"))).toBe(true);
    const cat = world.spawn({ pid: 20, comm: "cat", memory });
    const other = world.spawn({ pid: 30, comm: "other" });
    world.systemCall(cat, "openat", [-100, name], 3);
    // A thread without memory of its own, and a place where nothing is.
    world.systemCall(other, "openat", [-100, name], -2);
    world.systemCall(cat, "openat", [-100, 0x1000], -14);
    const batch = kernel.port.ringConsume(ring, 10);
    if (typeof batch === "number") throw new Error(`ring: ${batch}`);
    const line = (bytes: Uint8Array) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const text = (from: number, to: number) => textOf(bytes.slice(from, to)).replace(/\0.*$/s, "");
      return `${view.getUint32(4, true)} ${text(8, 24)} ${text(24, 88)}`;
    };
    expect(batch.records.map(line)).toEqual(["20 cat /etc/passwd", "30 other ", "20 cat "]);
    expect(memory.read(name, 4)).toEqual(utf8("/etc"));
    expect(memory.read(0x7fff_0000_1ffcn, 8)).toBeNull();
    expect(() => memory.map(0x7fff_0000_1000n, 4096)).toThrow(RangeError);
  });
});
