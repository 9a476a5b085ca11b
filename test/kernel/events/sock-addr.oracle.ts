import { afterAll, expect, it } from "vitest";
import { BpfAttachType as A } from "../../../src/uapi/index.ts";
import { CLOSE_ON_EXEC, socketAddress } from "../../support/live-sockets.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { load } from "../programs.ts";
import { socketScene } from "../socket-scene.ts";
import type { Side } from "../twins.ts";
import { leave } from "./probes/workbench.ts";

const [INET, INET6] = [2, 10];
const [STREAM, DGRAM] = [1, 2];
const PORT = 4800;
const WORDS = 8;
/** Of `struct bpf_sock_addr`. */
const Context = { FAMILY: 0, IP4: 4, IP6: 8, PORT: 24 } as const;
const ONE4 = Uint8Array.of(127, 0, 0, 1);
const ONE6 = Uint8Array.of(...new Uint8Array(15), 1);
const swapped = (port: number) => ((port & 0xff) << 8) | (port >> 8);

describeWith([liveKernel("6.18")], "addresses that sockets are given, as on Linux", async () => {
  const { twins, stage, embedded, live, kernel, libc, opened } = await socketScene();
  const group = twins.keep(stage.cgroup("own"));
  stage.enter("own");
  const task = kernel.task;
  task.cgroup = stage.group("own");
  afterAll(() => stage.enter(null));

  const map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: WORDS });
  const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);
  const words = (side: Side) =>
    Array.from({ length: WORDS }, (_, index) => {
      const value = side.sys.mapLookupElem({ mapFd: side.of(map), key: key(index) })!;
      return Number(new DataView(value.buffer, value.byteOffset).getBigInt64(0, true));
    });

  /** A call under a program: what it gives, what the program leaves, and the socket's own port then. */
  const compare = (
    what: string,
    attachType: number,
    text: string,
    [family, type, port]: readonly [number, number, number],
  ): number => {
    for (const side of twins.sides)
      for (let index = 0; index < WORDS; index++)
        side.sys.mapUpdateElem({ mapFd: side.of(map), key: key(index), value: new Uint8Array(8) });
    // Sockets of other tests in this process are in the same control group.
    const others = `r1 = *(u32 *)(r6 + ${Context.PORT})\nif r1 == ${swapped(port)} goto +2\nr0 = 1\nexit`;
    const progFd = load(twins, "cgroup_sock_addr", `r6 = r1\n${others}\n${text}`, {
      maps: [map],
      fields: { expectedAttachType: attachType },
    });
    const link = twins.mustOpen("LINK_CREATE", { progFd, targetFd: group, attachType });
    const address = family === INET ? ONE4 : ONE6;
    const connects = attachType === A.CGROUP_INET4_CONNECT || attachType === A.CGROUP_INET6_CONNECT;
    const fd = live.port.socket(family, type | CLOSE_ON_EXEC, 0);
    const own = kernel.port.socket(family, type, 0);
    const to = socketAddress(address, port);
    const theirs = connects ? libc.connect(fd, to) : libc.bind(fd, to);
    const end = { address, port };
    const ours = connects ? kernel.connectSocket(own, end) : kernel.bindSocket(own, end);
    expect(`${what}: ${ours < 0}`).toBe(`${what}: ${theirs < 0}`);
    const name = new DataView(libc.name(fd).buffer);
    const bound = kernel.socketOf(own).sock.get("__sk_common.skc_num");
    if (!connects) expect(`${what}: ${bound}`).toBe(`${what}: ${name.getUint16(2)}`);
    expect(`${what}: ${words(embedded)}`).toBe(`${what}: ${words(live)}`);
    live.port.close(fd);
    kernel.port.close(own);
    twins.close(link);
    twins.close(progFd);
    return ours;
  };

  it("by programs that look, change, and refuse", () => {
    const look = (member: number, index: number) => `r7 = *(u32 *)(r6 + ${member})\n${leave(index)}`;
    for (const [family, ip, bind] of [
      [INET, Context.IP4, A.CGROUP_INET4_BIND],
      [INET6, Context.IP6 + 12, A.CGROUP_INET6_BIND],
    ] as const)
      for (const type of [STREAM, DGRAM]) {
        const of = [family, type, PORT] as const;
        const looks = [look(Context.FAMILY, 0), look(ip, 1), look(Context.PORT, 2)].join("\n");
        expect(compare("looking", bind, `${looks}\nr0 = 1\nexit`, of)).toBe(0);
        const change = `r1 = ${swapped(PORT + 1)}\n*(u32 *)(r6 + ${Context.PORT}) = r1`;
        expect(compare("a port", bind, `${change}\nr0 = 1\nexit`, of)).toBe(0);
        expect(compare("refusing", bind, "r0 = 0\nexit", of)).toBe(-1);
        expect(compare("an error", bind, "r1 = -111\ncall bpf_set_retval\nr0 = 0\nexit", of)).toBe(-111);
      }
    expect(twins.taken()).toEqual([]);
  });

  it("with lookups and options in their contexts", () => {
    const server = live.port.socket(INET, STREAM | CLOSE_ON_EXEC, 0);
    opened.push(server);
    const own = kernel.port.socket(INET, STREAM, 0);
    expect(libc.bind(server, socketAddress(ONE4, PORT + 5))).toBe(0);
    expect(libc.listen(server)).toBe(0);
    live.port.setSocketOption(server, 1, 36, key(9));
    kernel.bindSocket(own, { address: ONE4, port: PORT + 5 });
    kernel.socketOf(own).listen();
    kernel.socketOf(own).sock.set("sk_mark", 9);
    const looking = (helper: string, index: number) => `
      r1 = 0x0100007f
      *(u32 *)(r10 - 32) = r1
      *(u32 *)(r10 - 28) = r1
      r1 = ${swapped(PORT + 5) * 65536}
      *(u32 *)(r10 - 24) = r1
      r1 = r6
      r2 = r10
      r2 += -32
      r3 = 12
      r4 = -1
      r5 = 0
      call ${helper}
      r7 = 0
      if r0 == 0 goto +3
      r7 = *(u32 *)(r0 + ${helper.includes("skc") ? 44 : 16})
      r1 = r0
      call bpf_sk_release
      ${leave(index)}`;
    const option = (helper: string, level: number, name: number, index: number) => `
      r1 = 5
      *(u32 *)(r10 - 32) = r1
      r1 = r6
      r2 = ${level}
      r3 = ${name}
      r4 = r10
      r4 += -32
      r5 = 4
      call ${helper}
      r7 = r0
      ${leave(index)}
      r7 = *(u32 *)(r10 - 32)
      ${leave(index + 1)}`;
    const lookups = ["bpf_sk_lookup_tcp", "bpf_skc_lookup_tcp", "bpf_sk_lookup_udp"].map(looking).join("\n");
    const options = [option("bpf_setsockopt", 1, 12, 3), option("bpf_getsockopt", 1, 12, 5)].join("\n");
    for (const type of [STREAM, DGRAM])
      compare("connecting", A.CGROUP_INET4_CONNECT, `${lookups}\n${options}\nr0 = 1\nexit`, [
        INET,
        type,
        PORT + 5,
      ]);
    for (const [level, name] of [
      [6, 1],
      [6, 2],
      [1, 36],
      [1, 74],
      [0, 1],
      [41, 67],
      [1, 13],
    ] as const)
      for (const type of [STREAM, DGRAM]) {
        const both = [option("bpf_setsockopt", level, name, 0), option("bpf_getsockopt", level, name, 2)];
        const text = `${both.join("\n")}\nr0 = 1\nexit`;
        compare(`option ${name}`, A.CGROUP_INET4_CONNECT, text, [INET, type, PORT + 5]);
        compare(`option ${name}`, A.CGROUP_INET6_CONNECT, text, [INET6, DGRAM, PORT + 5]);
      }
    expect(twins.taken()).toEqual([]);
  });
});
