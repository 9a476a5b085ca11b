import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import type { KernelSocket } from "../../src/kernel/index.ts";
import { BpfMapFlag, BpfMapType, BpfUpdateFlag } from "../../src/uapi/index.ts";
import { CLOSE_ON_EXEC, socketAddress } from "../support/live-sockets.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { frame, load, runPacket } from "./programs.ts";
import { socketScene } from "./socket-scene.ts";
import { Pair, room, Twins } from "./twins.ts";

const TYPES = [BpfMapType.SOCKMAP, BpfMapType.SOCKHASH, BpfMapType.REUSEPORT_SOCKARRAY];
const FLAGS = [0, 1, 2, 3, 4, 5, 8, 1n << 32n];
const BAD_FD = 4321;
const [UNIX, INET, INET6] = [1, 2, 10];
const [STREAM, DGRAM, RAW] = [1, 2, 3];

const word = (value: number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
};

describeWith([liveKernel("6.18")], "maps of sockets as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("are made by its rules", () => {
    for (const mapType of TYPES) {
      for (const keySize of [0, 1, 4, 8, 64, 512, 513]) {
        for (const valueSize of [0, 4, 8, 12]) {
          for (const maxEntries of [0, 1, 5]) {
            const map = twins.open("MAP_CREATE", { mapType, keySize, valueSize, maxEntries });
            if (map !== null) twins.close(map);
          }
        }
      }
      for (let bit = 0; bit < 20; bit++) {
        const fields = { mapType, keySize: 4, valueSize: 4, maxEntries: 2, mapFlags: 1 << bit };
        if (1 << bit === BpfMapFlag.NUMA_NODE) continue;
        const map = twins.open("MAP_CREATE", fields);
        if (map !== null) twins.close(map);
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("answer to commands on elements", () => {
    for (const mapType of TYPES) {
      for (const valueSize of [4, 8]) {
        const mapFd = twins.mustOpen("MAP_CREATE", { mapType, keySize: 4, valueSize, maxEntries: 3 });
        for (const at of [0, 2, 3, -1]) {
          const key = word(at);
          for (const flags of FLAGS) {
            twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(BAD_FD), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(-1), flags });
            twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: new Uint8Array(8).fill(1), flags });
            twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
          }
          twins.call("MAP_DELETE_ELEM", { mapFd, key });
          twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
        }
        twins.call("MAP_GET_NEXT_KEY", { mapFd, key: 0n, nextKey: room(4) });
        for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
          const arrays = { keys: word(0), values: room(8), outBatch: room(4), count: 1 };
          twins.call(command, { mapFd, ...arrays });
        }
        twins.close(mapFd);
      }
    }
    expect(twins.taken()).toEqual([]);
  });
});

for (const engine of ["interp", "jit"] as const) {
  describeWith([liveKernel("6.18")], `sockets in maps as Linux (${engine})`, async () => {
    const { twins, live, kernel, libc } = await socketScene({ engine });

    /** A socket of each kernel; addresses of Linux's are of the loopback device, with ports of its choice. */
    class Socket {
      readonly fds: Pair;
      readonly #embedded: KernelSocket;
      readonly #family: number;

      constructor(family: number, type: number, { protocol = 0, fd = -1 } = {}) {
        const theirs = fd >= 0 ? fd : live.port.socket(family, type | CLOSE_ON_EXEC, protocol);
        this.fds = twins.keep(new Pair(kernel.port.socket(family, type, protocol), theirs));
        this.#embedded = kernel.socketOf(this.fds.embedded);
        this.#family = family;
      }

      share(): this {
        expect(live.port.setSocketOption(this.fds.linux, 1, 15, word(1).subarray(0, 4))).toBe(0);
        this.#embedded.sock.set("__sk_common.skc_reuseport", 1);
        return this;
      }

      bind(port = 0): this {
        const address = this.#own;
        expect(libc.bind(this.fds.linux, socketAddress(address, port))).toBe(0);
        this.#embedded.bind({ address, port: port === 0 ? this.port : port });
        return this;
      }

      listen(): this {
        expect(libc.listen(this.fds.linux)).toBe(0);
        this.#embedded.listen();
        return this;
      }

      connect(port: number): this {
        expect(libc.connect(this.fds.linux, socketAddress(this.#own, port))).toBe(0);
        this.#embedded.connect({ address: this.#own, port }, { address: this.#own, port: this.port });
        return this;
      }

      accept(): Socket {
        const accepted = new Socket(this.#family, STREAM, { fd: libc.accept(this.fds.linux) });
        accepted.#embedded.connect({ address: this.#own, port: 9 }, { address: this.#own, port: this.port });
        return accepted;
      }

      /** Own port in Linux. */
      get port(): number {
        const name = libc.name(this.fds.linux);
        return (name[2]! << 8) | name[3]!;
      }

      close(): void {
        // At once, without a state in which its port is still taken.
        live.port.setSocketOption(this.fds.linux, 1, 13, new Uint8Array(Int32Array.of(1, 0).buffer));
        twins.close(this.fds);
      }

      get #own(): Uint8Array {
        return this.#family === INET ? Uint8Array.of(127, 0, 0, 1) : new Uint8Array(16).fill(1, 15);
      }
    }

    /** Sockets of all kinds; `close` ends them all. */
    const sockets = () => {
      const all: Record<string, Socket> = {
        new: new Socket(INET, STREAM),
        bound: new Socket(INET, STREAM).bind(),
        listening: new Socket(INET, STREAM).bind().listen(),
        "listening by IPv6": new Socket(INET6, STREAM).bind().listen(),
        "shares what it listens to": new Socket(INET, STREAM).share().bind().listen(),
        "shares what it is bound to": new Socket(INET, STREAM).share().bind(),
        datagrams: new Socket(INET, DGRAM),
        "bound for datagrams": new Socket(INET, DGRAM).bind(),
        "datagrams by IPv6": new Socket(INET6, DGRAM).bind(),
        "shares datagrams": new Socket(INET, DGRAM).share().bind(),
        raw: new Socket(INET, RAW, { protocol: 1 }),
        "Unix stream": new Socket(UNIX, STREAM),
        "Unix datagrams": new Socket(UNIX, DGRAM),
      };
      const { listening, "bound for datagrams": datagrams } = all;
      all["connected"] = new Socket(INET, STREAM).connect(listening!.port);
      all["accepted"] = listening!.accept();
      all["connected for datagrams"] = new Socket(INET, DGRAM).bind().connect(datagrams!.port);
      return all;
    };

    const make = (mapType: number, valueSize = 8, keySize = 4) =>
      twins.mustOpen("MAP_CREATE", { mapType, keySize, valueSize, maxEntries: 3 });
    const put = (mapFd: Pair, at: number, { fds }: Socket, flags: number | bigint = 0) =>
      twins.call(
        "MAP_UPDATE_ELEM",
        { mapFd, key: word(at), value: (side) => word(side.of(fds)), flags },
        { ignore: ["value"] },
      );
    const cookies = [new Map<bigint, number>(), new Map<bigint, number>()] as const;
    /** Looks an element up; sockets are told by the order in which they were seen first. */
    const look = (mapFd: Pair, at: number) => {
      const { result, buffers } = twins.call(
        "MAP_LOOKUP_ELEM",
        { mapFd, key: word(at), value: room(8) },
        { ignore: ["value"] },
      );
      if (result < 0) return;
      const numbers = buffers["value"]!.map((bytes, side) => {
        const cookie = new DataView(bytes.buffer).getBigUint64(0, true);
        const seen = cookies[side]!;
        if (!seen.has(cookie)) seen.set(cookie, seen.size);
        return seen.get(cookie);
      });
      twins.both(`the socket of ${at}`, (side) => numbers[twins.sides.indexOf(side)]);
    };
    const check = () => expect(twins.taken()).toEqual([]);
    /** Waits until the running kernel has ended the maps that a socket was in: a system call does not wait for it. */
    const awaitFree = (map: Pair, { fds }: Socket) => {
      const { sys } = twins.sides[1];
      for (let left = 100; left > 0; left--) {
        try {
          sys.mapUpdateElem({ mapFd: map.linux, key: word(2).subarray(0, 4), value: word(fds.linux) });
          break;
        } catch {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        }
      }
      sys.mapDeleteElem({ mapFd: map.linux, key: word(2).subarray(0, 4) });
    };

    it("are those of its kinds and states", () => {
      const all = sockets();
      for (const mapType of TYPES) {
        for (const valueSize of [4, 8]) {
          for (const socket of Object.values(all)) {
            const map = make(mapType, valueSize);
            for (const flags of [4, 3, 1n << 32n, BpfUpdateFlag.EXIST, 0, BpfUpdateFlag.NOEXIST])
              put(map, 1, socket, flags);
            put(map, 1, socket, BpfUpdateFlag.EXIST);
            put(map, 3, socket);
            for (const at of [0, 1, 2, 3]) look(map, at);
            twins.call(
              "MAP_GET_NEXT_KEY",
              { mapFd: map, key: 0n, nextKey: room(4) },
              { ignore: mapType === BpfMapType.SOCKHASH ? ["nextKey"] : [] },
            );
            for (const at of [1, 1, 2, 3]) twins.call("MAP_DELETE_ELEM", { mapFd: map, key: word(at) });
            look(map, 1);
            // The kernel ends an array of sockets after a while, and they are in no other until then.
            if (mapType !== BpfMapType.REUSEPORT_SOCKARRAY) put(map, 1, socket);
            twins.close(map);
          }
        }
      }
      for (const socket of Object.values(all)) socket.close();
      check();
    }, 60_000);

    it("are in one map or in several", () => {
      const all = sockets();
      const maps = TYPES.flatMap((type) => [make(type), make(type)]);
      const steps = fc.array(
        fc.record({
          map: fc.nat(maps.length - 1),
          at: fc.nat(3),
          socket: fc.constantFrom(...Object.values(all)),
          flags: fc.constantFrom(0, 0, 0, 1, 2),
          act: fc.constantFrom("put", "put", "put", "look", "delete"),
        }),
        { minLength: 20, maxLength: 60 },
      );
      fc.assert(
        fc.property(steps, (sequence) => {
          for (const { map, at, socket, flags, act } of sequence) {
            const mapFd = maps[map]!;
            if (act === "put") put(mapFd, at, socket, flags);
            else if (act === "look") look(mapFd, at);
            else twins.call("MAP_DELETE_ELEM", { mapFd, key: word(at) });
          }
          for (const mapFd of maps) {
            for (const at of [0, 1, 2, 3]) look(mapFd, at);
            for (const at of [0, 1, 2, 3]) twins.call("MAP_DELETE_ELEM", { mapFd, key: word(at) });
          }
          check();
        }),
        { numRuns: 200 },
      );
      for (const pair of maps) twins.close(pair);
      for (const socket of Object.values(all)) socket.close();
    }, 60_000);

    it("leave maps with their end, and maps leave them with theirs", () => {
      const kinds = [
        () => new Socket(INET, STREAM).share().bind().listen(),
        () => new Socket(INET, DGRAM).share().bind(),
      ];
      for (const open of kinds) {
        const maps = TYPES.map((type) => make(type));
        for (const map of maps) {
          const socket = open();
          for (const at of [0, 2]) put(map, at, socket);
          for (const at of [0, 1, 2]) look(map, at);
          socket.close();
          for (const at of [0, 1, 2]) look(map, at);
        }
        const socket = open();
        for (const map of maps) {
          put(map, 0, socket);
          twins.close(map);
          const other = make(BpfMapType.REUSEPORT_SOCKARRAY);
          awaitFree(other, socket);
          put(other, 0, socket);
          twins.call("MAP_DELETE_ELEM", { mapFd: other, key: word(0) });
          twins.close(other);
        }
        socket.close();
      }
      // Of UDP, who is connected shares its address no more.
      const peer = new Socket(INET, DGRAM).bind();
      const map = make(BpfMapType.REUSEPORT_SOCKARRAY);
      const socket = new Socket(INET, DGRAM).share().bind();
      put(map, 0, socket);
      socket.connect(peer.port);
      look(map, 0);
      put(map, 1, socket);
      for (const each of [peer, socket]) each.close();
      twins.close(map);
      check();
    }, 60_000);

    it("are found, moved and taken out by programs", () => {
      const all = sockets();
      for (const [mapType, size] of [
        [BpfMapType.SOCKMAP, 4],
        [BpfMapType.SOCKHASH, 4],
        [BpfMapType.SOCKHASH, 8],
      ] as const) {
        const [map, other] = [make(mapType, 8, size), make(mapType, 8, size)];
        const key = (at: number) => `*(u64 *)(r10 - 8) = ${at}\nr2 = r10\nr2 += -8`;
        const find = (at: number) =>
          `${key(at)}\nr1 = %0\ncall bpf_map_lookup_elem\nif r0 != 0 goto +2\nr0 = 77\nexit\nr6 = r0`;
        const end = "r1 = r6\ncall bpf_sk_release\nr0 = r7\nexit";
        const programs = [0, 1, 2, 3].flatMap((at) => [
          load(twins, "sched_cls", `${find(at)}\nr7 = *(u32 *)(r6 + 72)\n${end}`, { maps: [map, other] }),
          ...[0, 1, 2, 4].map((flags) =>
            load(
              twins,
              "sched_cls",
              `${find(at)}\n${key(at)}\nr1 = %1\nr3 = r6\nr4 = ${flags}\ncall bpf_map_update_elem\nr7 = r0\n${end}`,
              { maps: [map, other] },
            ),
          ),
          load(twins, "sched_cls", `${key(at)}\nr1 = %1\ncall bpf_map_delete_elem\nexit`, {
            maps: [map, other],
          }),
        ]);
        for (const socket of Object.values(all)) {
          put(map, 1, socket);
          for (const program of [...programs, ...programs]) runPacket(twins, program, frame());
          for (const at of [0, 1, 2]) look(other, at);
        }
        for (const pair of [...programs, map, other]) twins.close(pair);
      }
      for (const socket of Object.values(all)) socket.close();
      check();
    }, 60_000);
  });
}

describeWith([liveKernel("6.18")], "arenas as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  it("are made by its rules", () => {
    const base = { mapType: BpfMapType.ARENA, keySize: 0, valueSize: 0, mapFlags: BpfMapFlag.MMAPABLE };
    for (const maxEntries of [0, 1, 7, (1 << 20) + 1]) {
      for (const mapExtra of [0n, 1n, 4096n, 0x1_0000_0000n, 0x1_ffff_f000n]) {
        const map = twins.open("MAP_CREATE", { ...base, maxEntries, mapExtra });
        if (map !== null) twins.close(map);
      }
    }
    for (let bit = 0; bit < 20; bit++) {
      if (1 << bit === BpfMapFlag.NUMA_NODE) continue;
      const map = twins.open("MAP_CREATE", { ...base, maxEntries: 2, mapFlags: base.mapFlags | (1 << bit) });
      if (map !== null) twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("have no elements", () => {
    const mapFd = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARENA,
      keySize: 0,
      valueSize: 0,
      maxEntries: 2,
      mapFlags: BpfMapFlag.MMAPABLE,
    });
    for (const key of [0n, word(0)]) {
      for (const flags of FLAGS) {
        twins.call("MAP_LOOKUP_ELEM", { mapFd, key, value: room(8), flags });
        twins.call("MAP_UPDATE_ELEM", { mapFd, key, value: word(1), flags });
        twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd, key, value: room(8), flags });
      }
      twins.call("MAP_DELETE_ELEM", { mapFd, key });
      twins.call("MAP_GET_NEXT_KEY", { mapFd, key, nextKey: room(4) });
    }
    expect(twins.taken()).toEqual([]);
  });
});
