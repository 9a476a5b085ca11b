import { describe, expect, it } from "vitest";
import { cString } from "../../src/base/index.ts";
import { attrOffset, BpfCommands, type LentMemory } from "../../src/sys/index.ts";
import { BpfAttachType, BpfCmd, Errno } from "../../src/uapi/index.ts";
import { type Answer, fakePort } from "./fake-port.ts";

const sys = (...answers: Answer[]) => new BpfCommands(fakePort(...answers));
const textAt = (memory: LentMemory, address: bigint, length: number) =>
  cString(memory.read(address, length)!);

describe("LinkCommands", () => {
  it("has a method for every command", () => {
    const methods = new Set<string>();
    for (let at = BpfCommands.prototype as object; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
      for (const name of Object.getOwnPropertyNames(at)) methods.add(name);
    }
    const camel = (name: string) =>
      name.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const missing = Object.keys(BpfCmd)
      .map(camel)
      .filter((name) => !methods.has(name));
    // PROG_RUN is PROG_TEST_RUN's later name.
    expect(missing).toEqual(["progRun"]);
  });

  it("asks for programs again where there are more than it had room for", () => {
    const answer: Answer = (attr, memory) => {
      const count = attr.getUint32(attrOffset("PROG_QUERY", "progCnt"), true);
      attr.setUint32(attrOffset("PROG_QUERY", "progCnt"), 100, true);
      attr.setUint32(attrOffset("PROG_QUERY", "attachFlags"), 2, true);
      attr.setBigUint64(attrOffset("PROG_QUERY", "revision"), 7n, true);
      const ids = attr.getBigUint64(attrOffset("PROG_QUERY", "progIds"), true);
      const links = attr.getBigUint64(attrOffset("PROG_QUERY", "linkIds"), true);
      const room = new Uint8Array(4 * Math.min(count, 100)).fill(1);
      expect(memory.write(ids, room)).toBe(true);
      expect(links).toBe(0n);
      return count < 100 ? -Errno.ENOSPC : 0;
    };
    const found = sys(answer, answer).progQuery({
      targetFd: 5,
      attachType: BpfAttachType.CGROUP_INET_INGRESS,
    });
    expect(found).toMatchObject({ attachFlags: 2, revision: 7n });
    expect(found.progIds).toEqual(new Uint32Array(100).fill(0x0101_0101));
    expect(found.linkIds.length).toBe(0);
  });

  it("lends what the arms of LINK_CREATE point to", () => {
    const at = (field: Parameters<typeof attrOffset<"LINK_CREATE">>[1]) => attrOffset("LINK_CREATE", field);
    const fd = sys((attr, memory) => {
      expect(attr.getUint32(at("kprobeMultiCnt"), true)).toBe(2);
      expect(attr.getUint32(at("attachType"), true)).toBe(BpfAttachType.TRACE_KPROBE_MULTI);
      const table = memory.read(attr.getBigUint64(at("kprobeMultiSyms"), true), 16)!;
      const addresses = new DataView(table.buffer, table.byteOffset);
      expect(textAt(memory, addresses.getBigUint64(0, true), 8)).toBe("vfs_read");
      expect(textAt(memory, addresses.getBigUint64(8, true), 9)).toBe("vfs_write");
      expect(attr.getBigUint64(at("kprobeMultiAddrs"), true)).toBe(0n);
      return 11;
    }).linkCreate({
      progFd: 3,
      attachType: BpfAttachType.TRACE_KPROBE_MULTI,
      kprobeMultiSyms: ["vfs_read", "vfs_write"],
    });
    expect(fd).toBe(11);
  });

  it("reads what a TASK_FD_QUERY and a stream give, and nothing where there is nothing", () => {
    const query: Answer = (attr, memory) => {
      attr.setUint32(attrOffset("TASK_FD_QUERY", "progId"), 9, true);
      memory.write(
        attr.getBigUint64(attrOffset("TASK_FD_QUERY", "buf"), true),
        new TextEncoder().encode("sys_enter"),
      );
      return 0;
    };
    const kernel = sys(
      query,
      () => -Errno.ENOENT,
      (attr, memory) => {
        memory.write(attr.getBigUint64(0, true), Uint8Array.of(104, 105));
        return 2;
      },
    );
    expect(kernel.taskFdQuery({ pid: 1, fd: 2 })).toMatchObject({ progId: 9, name: "sys_enter" });
    expect(kernel.taskFdQuery({ pid: 1, fd: 2 })).toBeNull();
    expect(kernel.progStreamReadByFd({ progFd: 1, streamId: 2 })).toEqual(Uint8Array.of(104, 105));
  });

  it("throws what the kernel refuses", () => {
    expect(() => sys(() => -Errno.EPERM).progAttach({ targetFd: 1, attachBpfFd: 2 })).toThrow(
      "BPF_PROG_ATTACH: Operation not permitted (EPERM)",
    );
  });
});
