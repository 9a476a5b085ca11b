import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { BPFFS_ROOT } from "../../src/kernel/index.ts";
import { btfInfo, decodeStruct, mapInfo, writeStruct } from "../../src/sys/index.ts";
import { BpfMapType, bpfBtfInfo, bpfMapInfo } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { sampleBtf } from "./samples.ts";
import { type Fields, Pair, room, type Side, Twins } from "./twins.ts";

describeWith([liveKernel("6.18")], "ids, info and pins as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const map = twins.mustOpen("MAP_CREATE", {
    mapType: BpfMapType.HASH,
    keySize: 4,
    valueSize: 8,
    maxEntries: 4,
    mapName: utf8("some_map"),
  });
  const { bytes } = sampleBtf();
  const btf = twins.mustOpen("BTF_LOAD", { btf: bytes, btfSize: bytes.length });
  const idOf = (pair: Pair, kind: "map" | "btf") =>
    twins.pair((side) =>
      kind === "map" ? mapInfo(side.sys, side.of(pair)).id : btfInfo(side.sys, side.of(pair)).id,
    );
  const mapId = idOf(map, "map");
  const btfId = idOf(btf, "btf");
  const before = (id: Pair) => new Pair(id.embedded - 1, id.linux - 1);

  it("next ids", () => {
    for (const [command, id] of [
      ["MAP_GET_NEXT_ID", mapId],
      ["BTF_GET_NEXT_ID", btfId],
    ] as const) {
      twins.call(command, { startId: before(id) }, { ignore: ["nextId"] });
      twins.both("the id", (side) => {
        const own = side.of(id);
        const get = command === "MAP_GET_NEXT_ID" ? side.sys.mapGetNextId : side.sys.btfGetNextId;
        return get.call(side.sys, { startId: own - 1 }) === own;
      });
    }
    for (const command of [
      "MAP_GET_NEXT_ID",
      "PROG_GET_NEXT_ID",
      "BTF_GET_NEXT_ID",
      "LINK_GET_NEXT_ID",
    ] as const) {
      for (const startId of [0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff])
        twins.call(command, { startId });
      for (const at of [0, 1, 4, 8, 60]) {
        const tail = new Uint8Array(at + 1);
        tail[at] = 1;
        twins.call(command, { startId: 0x7fff_fffe }, { tail });
      }
      // Without a start the live kernel's own objects are found.
      for (const size of [4, 6, 8]) twins.call(command, { startId: 0x7fff_fffe }, { size });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("descriptors by id", () => {
    const open = (
      command: "MAP_GET_FD_BY_ID" | "BTF_GET_FD_BY_ID" | "PROG_GET_FD_BY_ID" | "LINK_GET_FD_BY_ID",
      fields: Fields,
      options = {},
    ) => {
      const fd = twins.open(command, fields, options);
      if (fd !== null) twins.close(fd);
    };
    for (const openFlags of [0, 1, 2, 4, 8, 16, 24, 32, 64, 128, 256, 1 << 16, 0xffff_ffff]) {
      for (const id of [mapId, 0x7fff_ffff, 0]) {
        open("MAP_GET_FD_BY_ID", { mapId: id, openFlags });
        open("BTF_GET_FD_BY_ID", { btfId: id === mapId ? btfId : id, openFlags });
        open("BTF_GET_FD_BY_ID", { btfId: id === mapId ? btfId : id, fdByIdTokenFd: 7777, openFlags });
      }
    }
    for (const at of [0, 3, 4, 8, 40]) {
      const tail = new Uint8Array(at + 1);
      tail[at] = 8;
      open("MAP_GET_FD_BY_ID", { mapId }, { tail });
      open("BTF_GET_FD_BY_ID", { btfId }, { tail });
      open("PROG_GET_FD_BY_ID", { progId: 0x7fff_ffff }, { tail });
      open("LINK_GET_FD_BY_ID", { linkId: 0x7fff_ffff }, { tail });
    }
    for (const mapFlags of [0, 8, 16]) {
      const fd = twins.mustOpen("MAP_GET_FD_BY_ID", { mapId, openFlags: mapFlags });
      const key = new Uint8Array(4);
      twins.call("MAP_UPDATE_ELEM", { mapFd: fd, key, value: new Uint8Array(8) });
      twins.call("MAP_LOOKUP_ELEM", { mapFd: fd, key, value: room(8) });
      twins.call("MAP_LOOKUP_AND_DELETE_ELEM", { mapFd: fd, key, value: room(8) });
      twins.close(fd);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("info of maps: lengths and tails", () => {
    const blank = (size: number) => new Uint8Array(size);
    for (const info of [0, 1, 4, 8, 24, 40, 60, 72, 80, 88, 96, 100, 104, 112, 128, 200, 4096, 4097, 5000]) {
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: map, infoLen: info, info: blank(info) }, masked);
      const dirty = blank(info + 8).fill(0xff, Math.max(0, info - 1));
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: map, infoLen: info, info: dirty }, masked);
    }
    // What the kernel does not say it leaves.
    const full = blank(104).fill(0xff, 0, 88);
    twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: map, infoLen: 104, info: full }, masked);
    for (const infoLen of [0, 8, 88, 200]) {
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: map, infoLen, info: 0 });
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: map, infoLen, info: 0x10 });
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: 7777, infoLen, info: blank(200) });
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: 0, infoLen, info: blank(200) });
    }
    twins.both("info", (side) => ({ ...mapInfo(side.sys, side.of(map)), id: 0 }));
    for (const [mapType, mapFlags] of [
      [1, 1],
      [1, 8],
      [1, 0x40],
      [2, 16],
      [2, 0x80],
      [2, 0x400],
      [5, 0],
      [6, 0x100],
      [1, 4],
      [2, 4],
    ] as const) {
      const other = twins.mustOpen("MAP_CREATE", {
        mapType,
        mapFlags,
        keySize: 4,
        valueSize: 5,
        maxEntries: 3,
      });
      twins.both(`info of type ${mapType}`, (side) => ({ ...mapInfo(side.sys, side.of(other)), id: 0 }));
      twins.close(other);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("hashes of maps", () => {
    const array = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 5,
      maxEntries: 3,
    });
    twins.call("MAP_UPDATE_ELEM", { mapFd: array, key: new Uint8Array(4), value: utf8("hello") });
    const frozen = twins.mustOpen("MAP_GET_FD_BY_ID", { mapId: idOf(array, "map") });
    for (const bpfFd of [map, array, frozen]) {
      if (bpfFd === frozen) twins.call("MAP_FREEZE", { mapFd: array });
      for (const hashSize of [0, 31, 32, 33]) {
        for (const to of [0n, 0x10n, null]) {
          for (const infoLen of [88, 96, 100, 104]) {
            twins.both(`hash of ${hashSize} bytes, ${to}, ${infoLen}`, (side) => {
              const hash = room(40);
              const info = new Uint8Array(bpfMapInfo.size);
              const address = side.port.memory.lend(hash);
              writeStruct(bpfMapInfo, info, { hash: to ?? address, hashSize });
              try {
                side.sys.objGetInfoByFd({ bpfFd: side.of(bpfFd), info: info.subarray(0, infoLen) });
              } finally {
                side.port.memory.release(address);
              }
              const after = decodeStruct(bpfMapInfo, info);
              return [hash, after.hashSize, after.hash === address];
            });
          }
        }
      }
    }
    twins.close(array);
    expect(twins.taken()).toEqual([]);
  });

  it("info of types", () => {
    const info =
      (
        fields: Readonly<Record<string, number>>,
        buffers: { btf?: number | bigint; name?: number | bigint } = {},
      ) =>
      () => {
        const out = new Uint8Array(fields["length"] ?? bpfBtfInfo.size);
        const view = new DataView(out.buffer);
        if (out.length >= 12) {
          view.setBigUint64(0, BigInt(buffers.btf ?? 0), true);
          view.setUint32(8, fields["btfSize"] ?? 0, true);
        }
        if (out.length >= 28) {
          view.setBigUint64(16, BigInt(buffers.name ?? 0), true);
          view.setUint32(24, fields["nameLen"] ?? 0, true);
        }
        return out;
      };
    for (const length of [0, 4, 12, 16, 24, 28, 32, 40, 64])
      twins.call(
        "OBJ_GET_INFO_BY_FD",
        { bpfFd: btf, infoLen: length, info: info({ length }) },
        { ignore: ["info"] },
      );
    for (const nameLen of [0, 1, 8]) {
      for (const name of [0, 0x10])
        twins.call(
          "OBJ_GET_INFO_BY_FD",
          { bpfFd: btf, infoLen: 32, info: info({ nameLen }, { name }) },
          { ignore: ["info"] },
        );
    }
    for (const btfSize of [0, 1, 8, 4096])
      twins.call(
        "OBJ_GET_INFO_BY_FD",
        { bpfFd: btf, infoLen: 32, info: info({ btfSize }, { btf: 0x10 }) },
        { ignore: ["info"] },
      );
    twins.both("info", (side) => ({ ...btfInfo(side.sys, side.of(btf)), id: 0 }));
    for (const size of [0, 1, 8, bytes.length - 1, bytes.length, bytes.length + 8]) {
      twins.both(`the first ${size} bytes`, (side) => {
        const data = room(bytes.length + 16);
        const out = new Uint8Array(bpfBtfInfo.size);
        const address = side.port.memory.lend(data);
        new DataView(out.buffer).setBigUint64(0, address, true);
        new DataView(out.buffer).setUint32(8, size, true);
        side.sys.objGetInfoByFd({ bpfFd: side.of(btf), info: out });
        side.port.memory.release(address);
        return [data, new DataView(out.buffer).getUint32(8, true)];
      });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("pins", () => {
    const root = mkdtempSync(join(tmpdir(), "bpffs-"));
    const mounted = spawnSync("mount", ["-t", "bpf", "bpf", root]);
    if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
    try {
      const path = (name: string) => (side: Side) =>
        utf8(`${side.name === "embedded" ? BPFFS_ROOT : root}${name}\0`);
      const directory = (name: string) =>
        twins.both(`mkdir ${name}`, (side) =>
          side.port.makeDirectory(`${side.name === "embedded" ? BPFFS_ROOT : root}${name}`),
        );
      const get = (fields: Fields, options = {}) => {
        const fd = twins.open("OBJ_GET", fields, options);
        if (fd !== null) twins.close(fd);
      };
      const names = [
        "/a",
        "/a",
        "//b",
        "/missing/c",
        "/d/",
        "/a/b",
        "/.",
        "/..",
        "/./e",
        "",
        "/",
        "/x.y",
        "/.hid",
        `/${"n".repeat(255)}`,
        `/${"n".repeat(256)}`,
        "/a/../f",
        "/missing/../g",
      ];
      directory("/dir");
      directory("/dir/sub");
      directory("/dir");
      directory("/none/sub");
      directory("/do.t");
      for (const name of [...names, "/dir", "/dir/", "/dir/x", "/dir/sub/y", "/dir/../z", "/dir/x/y"])
        twins.call("OBJ_PIN", { pathname: path(name), bpfFd: map });
      for (const name of [...names, "/dir", "/dir/", "/dir/x", "/dir/sub/y", "/dir/../z", "/dir/x/y", "/f"])
        get({ pathname: path(name) });
      for (const fileFlags of [0, 1, 2, 4, 8, 16, 24, 32, 1 << 14, 0x8000_0000]) {
        for (const pathFd of [0, 7777]) {
          twins.call("OBJ_PIN", { pathname: path(`/flags${fileFlags}`), bpfFd: map, fileFlags, pathFd });
          get({ pathname: path("/a"), fileFlags, pathFd });
          get({ pathname: path("/missing"), fileFlags, pathFd });
        }
      }
      for (const pathname of [0, 0x10]) {
        twins.call("OBJ_PIN", { pathname, bpfFd: map });
        twins.call("OBJ_PIN", { pathname, bpfFd: 7777 });
        get({ pathname });
      }
      for (const bpfFd of [0, 7777, btf, 0xffff_ffff]) {
        twins.call("OBJ_PIN", { pathname: path("/other"), bpfFd });
        twins.call("OBJ_PIN", { pathname: path("/missing/other"), bpfFd });
        twins.call("OBJ_PIN", { pathname: path("/a"), bpfFd });
        get({ pathname: path("/a"), bpfFd });
      }
      const long = utf8(`/${"a/".repeat(2100)}\0`);
      twins.call("OBJ_PIN", { pathname: long, bpfFd: map });
      get({ pathname: long });
      for (const outside of [
        "/sys/tsbpf-nowhere",
        "/tsbpf-nowhere",
        "/nowhere/at/all",
        "relative",
        "/sys/fs",
        "/sys",
        "/",
      ]) {
        twins.call("OBJ_PIN", { pathname: utf8(`${outside}\0`), bpfFd: map });
        get({ pathname: utf8(`${outside}\0`) });
      }
      // Rights of what a pin is opened with.
      for (const fileFlags of [8, 16]) {
        const fd = twins.mustOpen("OBJ_GET", { pathname: path("/a"), fileFlags });
        twins.call("MAP_UPDATE_ELEM", { mapFd: fd, key: new Uint8Array(4), value: new Uint8Array(8) });
        twins.call("MAP_LOOKUP_ELEM", { mapFd: fd, key: new Uint8Array(4), value: room(8) });
        twins.close(fd);
      }
      const at = (name: string, side: Side) => `${side.name === "embedded" ? BPFFS_ROOT : root}${name}`;
      const list = (name: string) =>
        twins.both(`names in ${name}`, (side) => {
          const names = side.port.readDirectory(at(name, side));
          // Linux shows two iterators of its own in every file system.
          return typeof names === "number" ? names : names.filter((entry) => !entry.endsWith(".debug"));
        });
      for (const name of ["", "/dir", "/a", "/missing"]) list(name);
      for (const name of [
        "/dir",
        "/missing",
        "/dir/x",
        "/dir/sub",
        "/dir/sub/y",
        "/dir/sub",
        "/a",
        "/a",
        "/f/x",
      ])
        twins.both(`remove ${name}`, (side) => side.port.remove(at(name, side)));
      list("");
    } finally {
      spawnSync("umount", ["-l", root]);
      rmSync(root, { recursive: true, force: true });
    }
    expect(twins.taken()).toEqual([]);
  });
});

/** The id in `struct bpf_map_info` and in `bpf_prog_info` differs; everything else has to be equal. */
const masked = { mask: { info: [4, 8] } } as const;
