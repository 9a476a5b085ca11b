import fc from "fast-check";
import { expect, it } from "vitest";
import { hexOf, utf8 } from "../../src/base/index.ts";
import { offsetOf } from "../../src/btf/index.ts";
import type { KernelSocket } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType } from "../../src/uapi/index.ts";
import { load } from "../kernel/programs.ts";
import { socketScene } from "../kernel/socket-scene.ts";
import type { Side } from "../kernel/twins.ts";
import { CLOSE_ON_EXEC, socketAddress } from "../support/live-sockets.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

/** Of an element's value: whose turn it is, what is asked, what came of it. */
const Value = {
  WHO: 0,
  LEVEL: 8,
  NAME: 12,
  LENGTH: 16,
  SET: 24,
  GOT: 32,
  GIVEN: 40,
  OUT: 72,
  SIZE: 104,
} as const;
const ROOM = 32;
const NEVER = 0x5555;
const [UNIX, INET, INET6] = [1, 2, 10];
const [STREAM, DGRAM] = [1, 2];
const [LISTEN, ESTABLISHED] = [10, 1];
const PORT = 4400;

interface Asked {
  readonly level: number;
  readonly name: number;
  readonly value: Uint8Array;
}

const u32 = (value: number) => new Uint8Array(Int32Array.of(value).buffer);

describeWith([liveKernel("6.18")], "options of sockets, as on Linux", async () => {
  const types = linuxTypes();
  const { twins, live, kernel, libc, opened } = await socketScene({ btf: types });

  const open = (family: number, type: number): { fd: number; embedded: KernelSocket } => {
    const fd = live.port.socket(family, type | CLOSE_ON_EXEC, 0);
    opened.push(fd);
    return { fd, embedded: kernel.socketOf(kernel.port.socket(family, type, 0)) };
  };
  const local = (family: number) =>
    family === INET ? Uint8Array.of(127, 0, 0, 1) : Uint8Array.of(...new Uint8Array(15), 1);
  const listening = (family: number, port: number) => {
    const pair = open(family, STREAM);
    const address = local(family);
    expect(libc.bind(pair.fd, socketAddress(address, port))).toBe(0);
    expect(libc.listen(pair.fd)).toBe(0);
    pair.embedded.bind({ address, port });
    pair.embedded.listen();
    return pair;
  };

  const map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: Value.SIZE, maxEntries: 1 });
  const skc = (member: string) => offsetOf(types, `sock_common.${member}`);
  /** Leaves in r1 who the socket in r7 is: its port, family and state, or of Unix sockets the type. */
  const WHO: Record<string, string> = {
    tcp: `
      r1 = *(u16 *)(r7 + ${skc("skc_num")})
      r2 = *(u16 *)(r7 + ${skc("skc_family")})
      r2 <<= 16
      r1 |= r2
      r2 = *(u8 *)(r7 + ${skc("skc_state")})
      r2 <<= 32
      r1 |= r2`,
    unix: `r1 = *(u16 *)(r7 + ${offsetOf(types, "sock.sk_type")})`,
  };
  const MEMBER: Record<string, string> = { tcp: "sk_common", unix: "unix_sk" };
  const attachType = BpfAttachType.TRACE_ITER;
  const links = new Map(
    Object.entries(WHO).map(([name, who]) => {
      const call = (helper: string, value: number, result: number) => `
        r1 = r7
        r2 = *(u32 *)(r8 + ${Value.LEVEL})
        r3 = *(u32 *)(r8 + ${Value.NAME})
        r4 = r8
        r4 += ${value}
        r5 = r9
        call ${helper}
        *(u64 *)(r8 + ${result}) = r0`;
      const text = `
        r6 = r1
        r7 = *(u64 *)(r6 + ${offsetOf(types, `bpf_iter__${name}.${MEMBER[name]}`)})
        if r7 != 0 goto +2
        r0 = 0
        exit
        *(u32 *)(r10 - 4) = 0
        r2 = r10
        r2 += -4
        r1 = %0
        call bpf_map_lookup_elem
        if r0 != 0 goto +2
        r0 = 0
        exit
        r8 = r0
        ${who}
        r2 = *(u64 *)(r8 + ${Value.WHO})
        if r1 == r2 goto +2
        r0 = 0
        exit
        r9 = *(u32 *)(r8 + ${Value.LENGTH})
        r9 &= ${ROOM - 1}
        if r9 != 0 goto +2
        r0 = 0
        exit
        ${call("bpf_setsockopt", Value.GIVEN, Value.SET)}
        ${call("bpf_getsockopt", Value.OUT, Value.GOT)}
        r0 = 0
        exit`;
      const progFd = load(twins, "tracing", text, {
        maps: [map],
        fields: { attachBtfId: types.findByName(`bpf_iter_${name}`), expectedAttachType: attachType },
      });
      const link = twins.keep(
        twins.pair((side) => side.sys.linkCreate({ progFd: side.of(progFd), attachType })),
      );
      return [name, link] as const;
    }),
  );

  const key = new Uint8Array(4);
  /** Sets an option, and copies it out: both results, and the bytes. */
  const ask = (side: Side, iterator: string, who: bigint, { level, name, value: given }: Asked): string => {
    const value = new Uint8Array(Value.SIZE).fill(0x55);
    const view = new DataView(value.buffer);
    view.setBigUint64(Value.WHO, who, true);
    view.setInt32(Value.LEVEL, level, true);
    view.setInt32(Value.NAME, name, true);
    view.setInt32(Value.LENGTH, given.length, true);
    view.setBigInt64(Value.SET, BigInt(NEVER), true);
    value.set(given, Value.GIVEN);
    side.sys.mapUpdateElem({ mapFd: side.of(map), key, value });
    const fd = side.sys.iterCreate({ linkFd: side.of(links.get(iterator)!) });
    for (let read = side.port.read(fd, 4096); typeof read !== "number" && read.length > 0; )
      read = side.port.read(fd, 4096);
    side.port.close(fd);
    const left = side.sys.mapLookupElem({ mapFd: side.of(map), key })!;
    const results = new DataView(left.buffer, left.byteOffset);
    const set = Number(results.getBigInt64(Value.SET, true));
    const got = Number(results.getBigInt64(Value.GOT, true));
    return `${set} ${got} ${hexOf(left.subarray(Value.OUT, Value.OUT + ROOM))}`;
  };

  const called = new Map<string, number>();
  const compare = (iterator: string, who: bigint, asked: Asked) => {
    const [ours, theirs] = twins.sides.map((side) => ask(side, iterator, who, asked)) as [string, string];
    const [set, got] = theirs.split(" ");
    expect(set).not.toBe(`${NEVER}`);
    called.set(`${set}/${got}`, (called.get(`${set}/${got}`) ?? 0) + 1);
    const what = `level ${asked.level} option ${asked.name} value ${hexOf(asked.value)}`;
    expect(`${what}: ${ours}`).toBe(`${what}: ${theirs}`);
  };

  const tcpWho = (family: number, port: number, state = LISTEN) =>
    BigInt(port) | (BigInt(family) << 16n) | (BigInt(state) << 32n);

  /** Options by level: those that programs may ask for, and their neighbours. */
  const SOCKET = [2, 7, 8, 9, 12, 15, 18, 25, 36, 47, 62, 74, 1009, 1, 13, 26, 32, 0, 1001];
  const TCP = [1, 2, 4, 5, 6, 7, 10, 13, 16, 18, 25, 27, 28, 44, 1001, 1002, 1003, 1004, 1005, 1008, 3, 45];
  const IP = [1, 2];
  const IPV6 = [67, 70, 66];
  const OPTIONS = [
    ...SOCKET.map((name) => [1, name] as const),
    ...TCP.map((name) => [6, name] as const),
    ...IP.map((name) => [0, name] as const),
    ...IPV6.map((name) => [41, name] as const),
    ...[17, 255, -1].map((level) => [level, 1] as const),
  ];
  const NUMBERS = [
    ...[
      0, 1, 2, 3, -1, -2, 4, 8, 15, 16, 28, 87, 88, 100, 126, 127, 128, 255, 256, 257, 999, 1000, 1151, 1152,
    ],
    ...[2303, 2304, 2305, 4608, 7999, 8000, 8001, 12001, 32767, 32768, 65535, 120_000, 120_001, 199_999],
    ...[200_000, 200_001, 4 << 20, 2 ** 30, 2 ** 31 - 1, -(2 ** 31)],
  ];
  const TEXTS = [
    "reno",
    "cubic",
    "cdg",
    "cdgx",
    "lo",
    "eth9",
    "",
    "reno\0x",
    "cubic\0\0\0\0\0\0\0\0\0\0\0\0\0",
  ].map(utf8);
  const asked: fc.Arbitrary<Asked> = fc
    .record({
      option: fc.constantFrom(...OPTIONS),
      value: fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...NUMBERS).map(u32) },
        { weight: 2, arbitrary: fc.integer().map(u32) },
        { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: ROOM - 1 }) },
        {
          weight: 2,
          arbitrary: fc.constantFrom(...TEXTS).map((text) => Uint8Array.of(...text, 0).slice(0, ROOM - 1)),
        },
        { weight: 1, arbitrary: fc.constantFrom(...TEXTS).filter((text) => text.length > 0) },
      ),
    })
    .map(({ option: [level, name], value }) => ({ level, name, value }));

  /** Every option with every number of note, then whatever comes. */
  const everything = (iterator: string, who: bigint, options = OPTIONS, runs = 300) => {
    // What a connection begins with is for the system's administrator to say.
    compare(iterator, who, { level: 6, name: 13, value: utf8("reno\0") });
    for (const [level, name] of options)
      for (const number of NUMBERS) compare(iterator, who, { level, name, value: u32(number) });
    const wanted = new Set(options.map(([level, name]) => `${level}/${name}`));
    const some = asked.filter(({ level, name }) => wanted.has(`${level}/${name}`));
    fc.assert(
      fc.property(fc.array(some, { minLength: 1, maxLength: 6 }), (list) => {
        for (const each of list) compare(iterator, who, each);
      }),
      { numRuns: runs, seed: 6018 },
    );
    console.log(`${iterator} ${who}: ${[...called].map(([what, count]) => `${what} ${count}`).join(", ")}`);
    called.clear();
  };

  it("of IPv4 that listen", () => {
    listening(INET, PORT);
    everything("tcp", tcpWho(INET, PORT));
  }, 120_000);

  it("of IPv6 that listen", () => {
    listening(INET6, PORT + 1);
    everything("tcp", tcpWho(INET6, PORT + 1));
  }, 120_000);

  it("of both families that listen", () => {
    const { fd, embedded } = open(INET6, STREAM);
    live.port.setSocketOption(fd, 41, 26, u32(0));
    const address = new Uint8Array(16);
    expect(libc.bind(fd, socketAddress(address, PORT + 9))).toBe(0);
    expect(libc.listen(fd)).toBe(0);
    embedded.bind({ address, port: PORT + 9 });
    embedded.listen();
    const ofAddresses = OPTIONS.filter(([level]) => level === 0 || level === 41);
    everything("tcp", tcpWho(INET6, PORT + 9), ofAddresses);
  }, 120_000);

  it("of connections", () => {
    const server = listening(INET, PORT + 2);
    const client = open(INET, STREAM);
    const port = PORT + 3;
    expect(libc.bind(client.fd, socketAddress(local(INET), port))).toBe(0);
    expect(libc.connect(client.fd, socketAddress(local(INET), PORT + 2))).toBe(0);
    opened.push(libc.accept(server.fd));
    client.embedded.bind({ address: local(INET), port });
    client.embedded.connect({ address: local(INET), port: PORT + 2 });
    // Sizes that a real connection has agreed on with its peer.
    const own = ([level, name]: readonly [number, number]) => level !== 6 || (name !== 2 && name !== 10);
    everything("tcp", tcpWho(INET, port, ESTABLISHED), OPTIONS.filter(own));
  }, 120_000);

  it("of Unix sockets", () => {
    for (const type of [STREAM, DGRAM]) {
      open(UNIX, type);
      everything("unix", BigInt(type), OPTIONS, 100);
    }
  }, 120_000);
});
