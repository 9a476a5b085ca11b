import { beforeEach, describe, expect, it } from "vitest";
import { type Device, EmbeddedKernel, type Passing } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { Errno } from "../../src/sys/index.ts";
import { BpfAttachType, BpfProgFlag, Errno as Codes, XdpFlag } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { FRAME, loadText, refusal, u32 } from "../kernel/support.ts";
import { askMetadata, Slot } from "./ask-metadata.ts";

const types = linuxTypes();
const DEV_BOUND = 64;
const PASS = 2;

let kernel: EmbeddedKernel;
let results: number;
let eth0: Device;
beforeEach(() => {
  kernel = new EmbeddedKernel({ btf: types });
  results = words(kernel, 12);
  const metadata = ["timestamp", "hash", "vlan"] as const;
  eth0 = kernel.namespace.addDevice({ name: "eth0", nativeXdp: true, metadata });
});

/** A program that leaves what each function gives, and what it writes; 0x55… where it writes nothing. */
const text = () => `
  r6 = r1
  ${Object.values(Slot)
    .map((at) => `r1 = 0x5555\n*(u64 *)(r10 - ${at}) = r1`)
    .join("\n")}
  ${askMetadata(types, (index) => store(results, index))}
  ${Object.values(Slot)
    .map((at, index) => `r7 = *(u64 *)(r10 - ${at})\n${store(results, 3 + index)}`)
    .join("\n")}
  r0 = ${PASS}
  exit`;

const load = (progIfindex: number, code = text(), type = "xdp") =>
  loadText(kernel, type, code, { progIfindex, progFlags: DEV_BOUND });

const attach = (device: Device, flags = 0) =>
  kernel.linkCreate({
    progFd: load(device.ifindex),
    targetIfindex: device.ifindex,
    attachType: BpfAttachType.XDP,
    flags,
  });

function receive(device: Device, metadata: NonNullable<Passing["metadata"]> = {}) {
  expect(kernel.receive(FRAME, { device, metadata }).runs).toBe(1);
  const word = (index: number) => wordAt(kernel, results, index);
  return {
    results: [0, 1, 2].map((index) => Number(BigInt.asIntN(32, word(index)))),
    written: [3, 4, 5, 6, 7].map(word),
  };
}

describe("metadata of received packets", () => {
  it("is what the device knows of the packet", () => {
    attach(eth0);
    const told = receive(eth0, {
      timestamp: 123_456_789_012n,
      hash: { value: 0xdead_beef, type: 5 },
      vlan: { protocol: 0x8100, tag: 0x2005 },
    });
    expect(told.results).toEqual([0, 0, 0]);
    expect(told.written).toEqual([123_456_789_012n, 0xdead_beefn, 5n, 0x0081n, 0x2005n]);
  });

  it("that a packet does not have is ENODATA, and nothing is written", () => {
    attach(eth0);
    const { results: given, written } = receive(eth0, { hash: { value: 1, type: 0 } });
    expect(given).toEqual([-Codes.ENODATA, 0, -Codes.ENODATA]);
    expect(written).toEqual([0x5555n, 1n, 0n, 0x5555n, 0x5555n]);
  });

  it("that a driver cannot tell is EOPNOTSUPP, whatever is known", () => {
    const eth1 = kernel.namespace.addDevice({ name: "eth1", nativeXdp: true, metadata: ["hash"] });
    attach(eth1);
    const told = receive(eth1, { timestamp: 1n, hash: { value: 2, type: 0 } });
    expect(told.results).toEqual([-Codes.EOPNOTSUPP, 0, -Codes.EOPNOTSUPP]);
  });

  it("is for programs that are bound to a device", () => {
    const refused = () => loadText(kernel, "xdp", text());
    expect(refused).toThrow(Errno);
    try {
      refused();
    } catch (error) {
      expect((error as Errno).log).toContain("metadata kfuncs require device-bound program");
    }
  });
});

describe("programs that are bound to a device", () => {
  const code = `r0 = ${PASS}\nexit`;

  it("need one whose driver runs programs", () => {
    expect(refusal(() => load(1, code))).toBe("EOPNOTSUPP");
    expect(refusal(() => load(99, code))).toBe("EINVAL");
    expect(refusal(() => load(eth0.ifindex, code, "sched_cls"))).toBe("EINVAL");
    // None takes programs into its hardware.
    expect(refusal(() => loadText(kernel, "xdp", code, { progIfindex: eth0.ifindex }))).toBe("EINVAL");
    const progFlags = BpfProgFlag.XDP_HAS_FRAGS;
    expect(refusal(() => loadText(kernel, "xdp", code, { progIfindex: eth0.ifindex, progFlags }))).toBe(
      "EINVAL",
    );
  });

  it("run there alone, by its driver", () => {
    const eth1 = kernel.namespace.addDevice({ name: "eth1", nativeXdp: true });
    const progFd = load(eth0.ifindex, code);
    const attachType = BpfAttachType.XDP;
    const to =
      (targetIfindex: number, flags = 0) =>
      () =>
        kernel.linkCreate({ progFd, targetIfindex, attachType, flags });
    expect(refusal(to(eth1.ifindex))).toBe("EINVAL");
    expect(refusal(to(eth0.ifindex, XdpFlag.SKB_MODE))).toBe("EINVAL");
    expect(refusal(to(eth0.ifindex))).toBe("granted");
  });

  it("have no test runs, and are in no array of programs", () => {
    const progFd = load(eth0.ifindex, code);
    expect(refusal(() => kernel.progTestRun({ progFd, dataIn: FRAME }))).toBe("EINVAL");
    expect(kernel.packetFeed(progFd)).toBeNull();
    const mapFd = kernel.mapCreate({ mapType: 3, keySize: 4, valueSize: 4, maxEntries: 1 });
    expect(refusal(() => kernel.mapUpdateElem({ mapFd, key: u32(0), value: u32(progFd) }))).toBe("EINVAL");
  });
});
