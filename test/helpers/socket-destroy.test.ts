import { describe, expect, it } from "vitest";
import { offsetOf } from "../../src/btf/index.ts";
import { EmbeddedKernel, type KernelSocket } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType, Errno } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { loadText } from "../kernel/support.ts";

const types = linuxTypes();
const [STREAM, DGRAM] = [1, 2];
const CLOSE = 7;
const HERE = Uint8Array.of(10, 0, 0, 2);
const THERE = Uint8Array.of(10, 0, 0, 1);

function setup() {
  const kernel = new EmbeddedKernel({ btf: types });
  const results = words(kernel);
  const open = (type: number): KernelSocket => kernel.socketOf(kernel.port.socket(2, type, 0));
  /** Ends all that an iterator shows. @returns what the last call gave. */
  const destroy = (iterator: "tcp" | "udp"): number => {
    const member = iterator === "tcp" ? "sk_common" : "udp_sk";
    const text = `
      r1 = *(u64 *)(r1 + ${offsetOf(types, `bpf_iter__${iterator}.${member}`)})
      if r1 != 0 goto +2
      r0 = 0
      exit
      call kfunc(${types.findByName("bpf_sock_destroy", 12)})
      r7 = r0
      ${store(results, 0)}
      r0 = 0
      exit`;
    const attachBtfId = types.findByName(`bpf_iter_${iterator}`, 12);
    const attachType = BpfAttachType.TRACE_ITER;
    const progFd = loadText(kernel, "tracing", text, { attachBtfId, expectedAttachType: attachType });
    const fd = kernel.iterCreate({ linkFd: kernel.linkCreate({ progFd, attachType }) });
    expect(kernel.port.read(fd, 4096)).toHaveLength(0);
    return Number(BigInt.asIntN(32, wordAt(kernel, results, 0)));
  };
  return { kernel, open, destroy };
}

describe("bpf_sock_destroy", () => {
  it("ends what listens, and connections: nobody finds them any more", () => {
    const { kernel, open, destroy } = setup();
    const listening = open(STREAM);
    listening.bind({ address: HERE, port: 80 });
    listening.listen();
    const connection = open(STREAM);
    connection.connect({ address: THERE, port: 80 }, { address: HERE, port: 1000 });
    expect(destroy("tcp")).toBe(0);
    const { sockets } = kernel.namespace;
    expect([...sockets.chain("listening"), ...sockets.chain("established")]).toEqual([]);
    for (const { state, sock } of [listening, connection]) {
      expect(state).toBe(CLOSE);
      expect(sock.get("sk_err")).toBe(Errno.ECONNABORTED);
    }
    // What is closed is not closed again.
    expect(connection.abort(Errno.ECONNABORTED)).toBe(-Errno.ENOENT);
  });

  it("takes the peer from sockets of UDP; those that were bound stay so", () => {
    const { kernel, open, destroy } = setup();
    const bound = open(DGRAM);
    bound.bind({ address: HERE, port: 53 });
    bound.connect({ address: THERE, port: 1000 });
    const unbound = open(DGRAM);
    unbound.connect({ address: Uint8Array.of(127, 0, 0, 1), port: 53 });
    expect(destroy("udp")).toBe(0);
    expect(kernel.namespace.sockets.chain("datagram")).toEqual([bound]);
    expect(bound.sock.get("__sk_common.skc_dport")).toBe(0);
    expect([...bound.sock.read("__sk_common.skc_rcv_saddr", 4)]).toEqual([...HERE]);
    expect([...unbound.sock.read("__sk_common.skc_rcv_saddr", 4)]).toEqual([0, 0, 0, 0]);
    expect([bound.state, unbound.state]).toEqual([CLOSE, CLOSE]);
  });

  it("is for TCP and UDP", () => {
    const { kernel } = setup();
    const unix = kernel.socketOf(kernel.port.socket(1, STREAM, 0));
    expect(unix.abort(Errno.ECONNABORTED)).toBe(-Errno.EOPNOTSUPP);
  });
});
