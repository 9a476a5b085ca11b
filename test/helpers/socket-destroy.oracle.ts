import { expect, it } from "vitest";
import { offsetOf } from "../../src/btf/index.ts";
import type { KernelSocket } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType } from "../../src/uapi/index.ts";
import { load } from "../kernel/programs.ts";
import { socketScene } from "../kernel/socket-scene.ts";
import type { Side } from "../kernel/twins.ts";
import { CLOSE_ON_EXEC, socketAddress } from "../support/live-sockets.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

const [INET, INET6] = [2, 10];
const [STREAM, DGRAM] = [1, 2];
const PORT = 4700;
/** What a walk writes of a socket: port, peer's port, state, address of IPv4, what the call gave. */
const RECORD = 16;

describeWith([liveKernel("6.18")], "sockets that programs end, as on Linux", async () => {
  const types = linuxTypes();
  const { twins, live, kernel, libc, opened } = await socketScene({ btf: types });

  const skc = (member: string) => offsetOf(types, `sock_common.${member}`);
  const attachType = BpfAttachType.TRACE_ITER;
  const iterator = (name: "tcp" | "udp", ending: boolean) => {
    const member = name === "tcp" ? "sk_common" : "udp_sk";
    const text = `
      r6 = r1
      r7 = *(u64 *)(r6 + ${offsetOf(types, `bpf_iter__${name}.${member}`)})
      if r7 != 0 goto +2
      r0 = 0
      exit
      r1 = *(u16 *)(r7 + ${skc("skc_num")})
      *(u16 *)(r10 - 16) = r1
      r1 = *(u16 *)(r7 + ${skc("skc_dport")})
      *(u16 *)(r10 - 14) = r1
      r1 = *(u8 *)(r7 + ${skc("skc_state")})
      *(u32 *)(r10 - 12) = r1
      r1 = *(u32 *)(r7 + ${skc("skc_rcv_saddr")})
      *(u32 *)(r10 - 8) = r1
      r0 = 0
      r1 = r7
      ${ending ? `call kfunc(${types.findByName("bpf_sock_destroy", 12)})` : ""}
      *(u32 *)(r10 - 4) = r0
      r1 = *(u64 *)(r6 + 0)
      r1 = *(u64 *)(r1 + 0)
      r2 = r10
      r2 += -16
      r3 = ${RECORD}
      call bpf_seq_write
      r0 = 0
      exit`;
    const progFd = load(twins, "tracing", text, {
      fields: { attachBtfId: types.findByName(`bpf_iter_${name}`, 12), expectedAttachType: attachType },
    });
    return twins.keep(twins.pair((side) => side.sys.linkCreate({ progFd: side.of(progFd), attachType })));
  };
  const links = {
    tcp: { show: iterator("tcp", false), end: iterator("tcp", true) },
    udp: { show: iterator("udp", false), end: iterator("udp", true) },
  };

  /** What a walk of one side shows, in an order of ours. Ports that the kernel chose are one. */
  const walk = (side: Side, name: "tcp" | "udp", kind: "show" | "end"): string[] => {
    const fd = side.sys.iterCreate({ linkFd: side.of(links[name][kind]) });
    const records: string[] = [];
    for (;;) {
      const bytes = side.port.read(fd, 4096);
      if (typeof bytes === "number") throw new Error(`read: ${bytes}`);
      if (bytes.length === 0) break;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0; at < bytes.length; at += RECORD) {
        const port = view.getUint16(at, true);
        const own = port >= PORT && port < PORT + 100 ? port : port === 0 ? 0 : "chosen";
        const rest = [view.getUint16(at + 2), view.getUint32(at + 4, true), view.getUint32(at + 8)];
        records.push([own, ...rest, view.getInt32(at + 12, true)].join(" "));
      }
    }
    side.port.close(fd);
    // Linux shows a socket again that lost its address, where its new place is still to be walked.
    const again = (record: string) => {
      const [port, peer] = record.split(" ");
      return peer === "0" && records.some((other) => other !== record && other.split(" ")[0] === port);
    };
    return records.filter((record) => !again(record)).sort();
  };
  const compare = (name: "tcp" | "udp", kind: "show" | "end"): string[] =>
    twins.both(`${kind} ${name}`, (side) => walk(side, name, kind));

  const open = (family: number, type: number): { fd: number; embedded: KernelSocket } => {
    const fd = live.port.socket(family, type | CLOSE_ON_EXEC, 0);
    opened.push(fd);
    return { fd, embedded: kernel.socketOf(kernel.port.socket(family, type, 0)) };
  };
  const bound = (family: number, type: number, address: readonly number[], port: number) => {
    const pair = open(family, type);
    const at = Uint8Array.from(address);
    expect(libc.bind(pair.fd, socketAddress(at, port))).toBe(0);
    pair.embedded.bind({ address: at, port });
    return pair;
  };
  const [ANY, ONE, ANY6] = [[0, 0, 0, 0], [127, 0, 0, 1], Array(16).fill(0) as number[]];

  it("what listens, and connections", () => {
    const listening = [
      bound(INET, STREAM, ONE, PORT),
      bound(INET, STREAM, ANY, PORT + 1),
      bound(INET6, STREAM, ANY6, PORT + 2),
    ];
    for (const { fd, embedded } of listening) {
      expect(libc.listen(fd)).toBe(0);
      embedded.listen();
    }
    bound(INET, STREAM, ONE, PORT + 3);
    expect(compare("tcp", "show")).toHaveLength(3);
    expect(compare("tcp", "end")).toHaveLength(3);
    expect(compare("tcp", "show")).toHaveLength(0);
    expect(compare("tcp", "end")).toHaveLength(0);
    expect(twins.taken()).toEqual([]);
  });

  it("sockets of UDP", () => {
    bound(INET, DGRAM, ONE, PORT + 10);
    bound(INET, DGRAM, ANY, PORT + 11);
    bound(INET6, DGRAM, ANY6, PORT + 12);
    const connected = [
      bound(INET, DGRAM, ONE, PORT + 13),
      bound(INET, DGRAM, ANY, PORT + 14),
      bound(INET, DGRAM, ONE, 0),
      open(INET, DGRAM),
    ];
    for (const { fd, embedded } of connected) {
      expect(libc.connect(fd, socketAddress(Uint8Array.from(ONE), PORT + 20))).toBe(0);
      embedded.connect({ address: Uint8Array.from(ONE), port: PORT + 20 });
    }
    expect(compare("udp", "show")).toHaveLength(7);
    expect(compare("udp", "end")).toHaveLength(7);
    console.log(compare("udp", "show").join("\n"));
    compare("udp", "end");
    compare("udp", "show");
    expect(twins.taken()).toEqual([]);
  });
});
