import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType, Errno, XdpFlag } from "../../src/uapi/index.ts";
import { leave } from "../kernel/events/probes/workbench.ts";
import { load, loadFields } from "../kernel/programs.ts";
import { socketScene } from "../kernel/socket-scene.ts";
import type { Side } from "../kernel/twins.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { askMetadata, Slot } from "./ask-metadata.ts";

const DEV_BOUND = 64;
const WORDS = 8;
/** How long the receiving end of a pair of devices is waited for, in milliseconds. */
const PATIENCE = 2000;
const [PACKET, RAW] = [17, 3];
const VLAN = 5;
const MARK = 0xa7;

describeWith([liveKernel("6.18")], "metadata of received packets, as on Linux", async () => {
  const types = linuxTypes();
  const { twins, stage, live, kernel, libc } = await socketScene({ btf: types });
  const ip = (...args: string[]) => expect(spawnSync("ip", args).status).toBe(0);
  const veth = stage.veth();
  const vb = Number(
    /^(\d+):/.exec(spawnSync("ip", ["-o", "link", "show", "vb"], { encoding: "utf8" }).stdout)![1],
  );
  kernel.namespace.addDevice({ name: "vb", ifindex: vb, nativeXdp: true });
  ip("link", "set", "va", "up");
  ip("link", "set", "vb", "up");
  const map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: WORDS });
  const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
  const asking = `
    r1 = 0
    ${Object.values(Slot)
      .map((at) => `*(u64 *)(r10 - ${at}) = r1`)
      .join("\n")}
    ${askMetadata(types, (index) => leave(index + 1))}
    r7 = *(u16 *)(r10 - ${Slot.PROTOCOL})
    ${leave(4)}
    r7 = *(u16 *)(r10 - ${Slot.TAG})
    ${leave(5)}
    r7 = *(u64 *)(r10 - ${Slot.TIMESTAMP})
    ${leave(6)}`;
  /** Of a frame of ours alone: its last byte is a mark. */
  const text = `
    r6 = r1
    r2 = *(u32 *)(r1 + 0)
    r3 = *(u32 *)(r1 + 4)
    r4 = r2
    r4 += 60
    if r4 > r3 goto +2
    r1 = *(u8 *)(r2 + 59)
    if r1 == ${MARK} goto +2
    r0 = 2
    exit
    ${asking}
    r7 = 1
    ${leave(0)}
    r0 = 1
    exit`;
  const bound = { progIfindex: veth, progFlags: DEV_BOUND };

  const wordOf = (side: Side, index: number) => {
    const value = side.sys.mapLookupElem({ mapFd: side.of(map), key: key(index) })!;
    return new DataView(value.buffer, value.byteOffset).getBigInt64(0, true);
  };
  const reset = () => {
    for (const side of twins.sides)
      for (let index = 0; index < WORDS; index++)
        side.sys.mapUpdateElem({ mapFd: side.of(map), key: key(index), value: new Uint8Array(8) });
  };

  it("programs for one device: types, flags, devices", () => {
    for (const type of ["xdp", "sched_cls", "socket_filter", "cgroup_skb"])
      for (const progFlags of [0, 1, 2, 16, 32, 64, 64 | 32, 64 | 16, 64 | 1, 64 | 8])
        for (const progIfindex of [0, 1, veth, 9999, 0xffff_ffff]) {
          const fields = loadFields(type, "r0 = 1\nexit", { fields: { progFlags, progIfindex } });
          const program = twins.open("PROG_LOAD", fields, { ignore: ["insns", "logTrueSize"] });
          if (program !== null) twins.close(program);
        }
    expect(twins.taken()).toEqual([]);
  });

  it("who may ask for it, and where such programs may be", () => {
    for (const fields of [{}, bound, { progIfindex: veth }, { progFlags: DEV_BOUND }]) {
      const all = loadFields("xdp", text, { maps: [map], fields });
      const program = twins.open("PROG_LOAD", all, { ignore: ["insns", "logTrueSize"] });
      if (program !== null) twins.close(program);
    }
    const progFd = load(twins, "xdp", "r0 = 2\nexit", { fields: bound });
    const attachType = BpfAttachType.XDP;
    for (const targetIfindex of [veth, vb, 1, 9999])
      for (const flags of [0, XdpFlag.SKB_MODE, XdpFlag.DRV_MODE, XdpFlag.HW_MODE]) {
        const link = twins.open("LINK_CREATE", { progFd, targetIfindex, attachType, flags });
        if (link !== null) twins.close(link);
      }
    const array = twins.mustOpen("MAP_CREATE", { mapType: 3, keySize: 4, valueSize: 4, maxEntries: 1 });
    twins.both("an array of programs", (side) => {
      const value = key(side.of(progFd));
      side.sys.mapUpdateElem({ mapFd: side.of(array), key: key(0), value });
    });
    twins.both("a test run", (side) =>
      side.sys.progTestRun({ progFd: side.of(progFd), dataIn: new Uint8Array(64) }),
    );
    expect(twins.taken()).toEqual([]);
  });

  it("what a pair of devices tells of packets with and without a tag", async () => {
    const progFd = load(twins, "xdp", text, { maps: [map], fields: bound });
    const link = twins.mustOpen("LINK_CREATE", {
      progFd,
      targetIfindex: veth,
      attachType: BpfAttachType.XDP,
      flags: XdpFlag.DRV_MODE,
    });
    const frame = new Uint8Array(60);
    frame.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    frame[59] = MARK;
    const socket = live.port.socket(PACKET, RAW, 0);
    // The other end gives a tag to what it sends, from the second packet on.
    const push = load(twins, "sched_cls", `r2 = 0x81\nr3 = ${VLAN}\ncall bpf_skb_vlan_push\nr0 = -1\nexit`);
    for (const isTagged of [false, true]) {
      const attachType = BpfAttachType.TCX_EGRESS;
      const tagging = isTagged
        ? live.sys.linkCreate({ progFd: push.linux, targetIfindex: vb, attachType })
        : -1;
      reset();
      expect(libc.send(socket, frame, deviceAddress(vb))).toBe(frame.length);
      const until = Date.now() + PATIENCE;
      while (wordOf(live, 0) === 0n && Date.now() < until) await new Promise((done) => setTimeout(done, 5));
      const vlan = isTagged ? { protocol: 0x8100, tag: VLAN } : null;
      const metadata = { timestamp: 0n, hash: { value: 1, type: 0 }, vlan };
      expect(kernel.receive(frame, { device: kernel.namespace.devices.get(veth)!, metadata }).runs).toBe(1);
      const told = twins.both(`tagged ${isTagged}`, (side) =>
        Array.from({ length: 7 }, (_, index) => Number(wordOf(side, index))),
      );
      console.log(told.join(" "));
      expect(told[3]).toBe(isTagged ? 0 : 2 ** 32 - Errno.ENODATA);
      if (isTagged) live.port.close(tagging);
    }
    live.port.close(socket);
    twins.close(link);
    expect(twins.taken()).toEqual([]);
  });
});

/** `struct sockaddr_ll`: frames go out of a device as they are. */
function deviceAddress(device: number): Uint8Array {
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, PACKET, true);
  view.setInt32(4, device, true);
  return address;
}
