// Tests of a BPF program that need no Linux: the object is loaded into a kernel of this process, whose verifier has the
// last word, and run on packets as BPF_PROG_TEST_RUN does.
import { readFileSync } from "node:fs";
import { EmbeddedKernel } from "tsbpf/kernel";
import { load } from "tsbpf/loader";
import { open } from "tsbpf/object";
import { explanationText, VerifierError } from "tsbpf/verifier";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const OBJECT = new URL("../../testdata/flow/flow.bpf.o", import.meta.url);
const XDP_DROP = 1;
const XDP_PASS = 2;
/** What the program counts UDP as: `enum protocol` of examples/flow/flow.bpf.c. */
const PROTOCOL_UDP = 5;

let kernel;
let object;

beforeEach(() => {
  kernel = new EmbeddedKernel();
  try {
    object = load(open(readFileSync(OBJECT), { name: "flow.bpf.o" }), kernel, { logLevel: 2 });
  } catch (error) {
    // A refused program fails the test with the explanation instead of a page of log.
    const explanation = error.cause instanceof VerifierError ? error.cause.explain() : null;
    throw explanation === null ? error : new Error(explanationText(explanation));
  }
});

afterEach(() => {
  object.close();
  kernel.exit();
});

/** An Ethernet frame with an IPv4 header and a UDP header. */
function udpPacket(port) {
  const packet = new Uint8Array(14 + 20 + 8);
  const view = new DataView(packet.buffer);
  view.setUint16(12, 0x0800);
  packet[14] = 0x45;
  view.setUint16(16, 28);
  packet[22] = 64;
  packet[23] = 17;
  view.setUint16(36, port);
  view.setUint16(38, 8);
  return packet;
}

function verdict(packet) {
  const progFd = object.programs.get("count_flows").fd;
  return kernel.progTestRun({ progFd, dataIn: packet }).retval;
}

describe("count_flows", () => {
  it("passes what is not blocked, and counts it", () => {
    expect(verdict(udpPacket(5353))).toBe(XDP_PASS);
    const udp = object.maps.get("protocols").get(PROTOCOL_UDP);
    expect(udp.sum().packets).toBe(1n);
  });

  it("drops the port that user space has blocked", () => {
    const blocked = Number(object.globals.get("blocked_port"));
    expect(verdict(udpPacket(blocked))).toBe(XDP_DROP);
  });

  it("passes packets that are too short for their headers", () => {
    expect(verdict(udpPacket(53).slice(0, 20))).toBe(XDP_PASS);
  });
});
