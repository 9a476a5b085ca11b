import { afterAll, expect, it } from "vitest";
import { hexOf, utf8 } from "../../src/base/index.ts";
import { mapInfo, progInfo } from "../../src/sys/index.ts";
import { BpfMapType, bpfProgInfo } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { code, debugFields, load, loadFields, loadSample } from "./programs.ts";
import { type Fields, type Pair, room, type Side, Twins } from "./twins.ts";

const MINIMAL = "r0 = 1\nexit";

describeWith([liveKernel("6.18")], "PROG_LOAD and what is told of programs as on Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());
  const check = () => expect(twins.taken()).toEqual([]);
  const attempt = (fields: Fields, options: { tail?: Uint8Array; size?: number; ignore?: string[] } = {}) => {
    const base = loadFields("socket_filter", MINIMAL);
    const program = twins.open(
      "PROG_LOAD",
      { ...base, ...fields },
      { ...options, ignore: ["insns", ...(options.ignore ?? [])] },
    );
    if (program !== null) twins.close(program);
  };
  const map = twins.mustOpen("MAP_CREATE", {
    mapType: BpfMapType.ARRAY,
    keySize: 4,
    valueSize: 16,
    maxEntries: 1,
    mapName: utf8("value"),
  });
  const hash = twins.mustOpen("MAP_CREATE", {
    mapType: BpfMapType.HASH,
    keySize: 4,
    valueSize: 16,
    maxEntries: 3,
  });

  it("counts, types, flags, names, licences", () => {
    for (const insnCnt of [0, 1_000_001, 0x7fff_ffff, 0xffff_ffff]) attempt({ insnCnt });
    for (let progType = 0; progType < 40; progType++) {
      // Types that cannot be loaded without more are other tests' matter.
      if ([20, 26, 27, 28, 29].includes(progType)) continue;
      for (const expectedAttachType of [0, 1, 2, 8, 37, 45, 54, 60, 0xffff_ffff])
        attempt({ progType, expectedAttachType }, { ignore: ["logTrueSize"] });
    }
    attempt({ progType: 0xffff_ffff });
    for (let bit = 0; bit < 32; bit++) attempt({ progFlags: 2 ** bit });
    for (const progName of ["", "a", "fifteen_letters", "sixteen__letters", "a b", "a.b", "a\0b", "ä"])
      attempt({ progName: utf8(progName) });
    for (const license of ["", "GPL", "MIT", "x".repeat(127), "x".repeat(128), "x".repeat(500)])
      attempt({ license: utf8(`${license}\0`) });
    for (const bad of [0, 0x10]) {
      attempt({ license: bad });
      attempt({ insns: bad });
      attempt({ insns: bad, license: bad });
    }
    for (const progIfindex of [1, 9999]) attempt({ progIfindex });
    for (const field of [
      "attachBtfId",
      "attachProgFd",
      "progBtfFd",
      "kernVersion",
      "coreReloCnt",
      "coreReloRecSize",
      "progTokenFd",
      "fdArrayCnt",
      "keyringId",
      "signatureSize",
    ])
      for (const value of [1, 7777]) attempt({ [field]: value });
    check();
  });

  it("several mistakes at once", () => {
    const mistakes: Fields[] = [
      { insnCnt: 0 },
      { insnCnt: 2_000_000 },
      { progType: 99 },
      { progType: 8, expectedAttachType: 77 },
      { progFlags: 0x4000_0000 },
      { progName: utf8("a b") },
      { license: 0 },
      { insns: 0x10 },
      { logLevel: 99 },
      { logSize: 7 },
      { logLevel: 1, logBuf: 0x10, logSize: 100 },
      { funcInfoCnt: 1, progBtfFd: 7777 },
      { attachBtfId: 3 },
      { kernVersion: 5 },
      { progIfindex: 3 },
    ];
    for (const one of mistakes)
      for (const other of mistakes) attempt({ ...one, ...other }, { ignore: ["logTrueSize"] });
    check();
  });

  it("sizes and tails of the attribute", () => {
    for (const at of [0, 1, 2, 8, 12, 13, 20, 60]) {
      const tail = new Uint8Array(at + 1);
      tail[at] = 1;
      attempt({}, { tail });
    }
    for (const size of [48, 52, 56, 64, 68, 72, 100, 112, 120, 128, 144, 168, 200])
      attempt({}, { size, ignore: ["logTrueSize"] });
    check();
  });

  it("logs: levels, buffers, sizes", () => {
    const any = ["logBuf", "logTrueSize"];
    for (const logLevel of [0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 32, 0xffff_ffff]) {
      attempt({ logLevel }, { ignore: any });
      for (const logSize of [0, 1, 64, 4096, 65536]) {
        attempt({ logLevel, logSize }, { ignore: any });
        for (const logBuf of [0, 0x10]) attempt({ logLevel, logSize, logBuf }, { ignore: any });
      }
    }
    // Large enough for any kernel's words.
    for (const logLevel of [1, 2, 4, 9])
      attempt({ logLevel, logSize: 65536, logBuf: room(65536) }, { ignore: any });
    for (const logSize of [0x3fff_ffff, 0x4000_0000, 0xffff_ffff])
      attempt({ logLevel: 1, logSize, logBuf: 0 }, { ignore: any });
    check();
  });

  it("references to maps", () => {
    const uses = (text: string, maps: readonly Pair[] = [map], fields: Fields = {}) => {
      const insns = code(text, maps);
      attempt(
        { insns, insnCnt: insns(twins.sides[0]).length / 8, ...fields },
        { ignore: ["logTrueSize", "fdArray"] },
      );
    };
    const program = load(twins, "xdp", MINIMAL);
    const tail = "\nr0 = 0\nexit";
    uses(`r1 = %0${tail}`);
    uses(`r1 = %0[0]+0${tail}`);
    for (const offset of [1, 15, 16, 17, 1 << 29, 0x7fff_ffff]) uses(`r1 = %0[0]+${offset}${tail}`);
    uses(`r1 = %0[0]+0${tail}`, [hash]);
    uses(`r1 = %0${tail}`, [program]);
    for (const fd of [0, 1, 7777, 2147483647]) uses(`r1 = map[id:${fd}]${tail}`);
    // By index into an array of descriptors.
    const array = (side: Side) =>
      new Uint8Array(Int32Array.of(side.of(map), side.of(program), 7777, side.of(hash)).buffer);
    const wide =
      (src: number, imm: number, next = 0) =>
      (_: Side) => {
        const bytes = new Uint8Array(32);
        const view = new DataView(bytes.buffer);
        bytes.set([0x18, (src << 4) | 1]);
        view.setInt32(4, imm, true);
        view.setInt32(12, next, true);
        bytes.set([0xb7, 0], 16);
        bytes.set([0x95], 24);
        return bytes;
      };
    for (const [src, imm, next] of [
      [5, 0, 0],
      [5, 1, 0],
      [5, 2, 0],
      [5, 3, 0],
      [6, 0, 0],
      [6, 0, 8],
      [6, 0, 16],
      [6, 3, 0],
      [5, 0, 1],
      [5, 500_000_000, 0],
      [7, 0, 0],
      [15, 0, 0],
      [0, 5, 6],
      [1, 5, 1],
    ] as const) {
      for (const fdArray of [array, 0, 0x10])
        attempt({ insns: wide(src, imm, next), insnCnt: 4, fdArray }, { ignore: ["logTrueSize", "fdArray"] });
    }
    for (const fdArrayCnt of [1, 2, 4, 5, 0x2000_0000])
      attempt(
        { insns: wide(5, 0), insnCnt: 4, fdArray: array, fdArrayCnt },
        { ignore: ["logTrueSize", "fdArray"] },
      );
    attempt(
      {
        insns: wide(5, 0),
        insnCnt: 4,
        fdArray: (side) => new Uint8Array(Int32Array.of(side.of(map), side.of(hash), side.of(hash)).buffer),
        fdArrayCnt: 3,
      },
      { ignore: ["logTrueSize", "fdArray"] },
    );
    twins.close(program);
    check();
  });

  it("debug records", () => {
    const { btf, types, strings } = loadSample(twins);
    const ignore = ["logTrueSize"];
    const good = debugFields(
      btf,
      [[0, types.main]],
      [
        [0, strings.file, strings.line, 5 << 10],
        [1, strings.file, strings.line, 6 << 10],
      ],
    );
    attempt(good, { ignore });
    for (const progBtfFd of [0, 7777, map]) attempt({ ...good, progBtfFd }, { ignore });
    for (const [slot, type] of [
      [0, types.int],
      [0, 99],
      [0, 0],
      [1, types.main],
      [5, types.main],
      [0, types.proto],
    ] as const)
      attempt(debugFields(btf, [[slot, type]]), { ignore });
    attempt(
      debugFields(btf, [
        [0, types.main],
        [1, types.sub],
      ]),
      { ignore },
    );
    attempt(debugFields(btf, [], [[0, strings.file, strings.line, 1]]), { ignore });
    for (const lines of [
      [[1, strings.file, strings.line, 1]],
      [[0, 9999, strings.line, 1]],
      [[0, strings.file, 9999, 1]],
      [
        [0, strings.file, strings.line, 1],
        [0, strings.file, strings.line, 1],
      ],
      [
        [0, strings.file, strings.line, 1],
        [2, strings.file, strings.line, 1],
      ],
      [[0, 0, 0, 0]],
    ] as const)
      attempt(debugFields(btf, [[0, types.main]], lines as never), { ignore });
    for (const size of [0, 4, 7, 8, 9, 12, 252, 256]) {
      attempt(
        {
          ...good,
          funcInfoRecSize: size,
          funcInfo: new Uint8Array(1024).map((_, i) => (i === 4 ? types.main : 0)),
        },
        { ignore },
      );
      attempt(
        {
          ...good,
          lineInfoRecSize: size,
          lineInfoCnt: 1,
          lineInfo: Uint8Array.from({ length: 256 }, (_, i) => (good["lineInfo"] as Uint8Array)[i] ?? 0).fill(
            0,
            16,
          ),
        },
        { ignore },
      );
    }
    attempt(
      {
        ...good,
        funcInfoRecSize: 12,
        funcInfo: new Uint8Array([0, 0, 0, 0, types.main, 0, 0, 0, 1, 0, 0, 0]),
      },
      { ignore },
    );
    for (const bad of [0, 0x10]) {
      attempt({ ...good, funcInfo: bad }, { ignore });
      attempt({ ...good, lineInfo: bad }, { ignore });
    }
    for (const count of [2, 1000, 0x1fff_ffff]) {
      attempt({ ...good, funcInfoCnt: count, funcInfo: new Uint8Array(8192) }, { ignore });
      attempt({ ...good, lineInfoCnt: count, lineInfo: 0x10 }, { ignore });
    }
    twins.close(btf);
    check();
  });

  it("tags", () => {
    for (const text of [
      MINIMAL,
      "r0 = 2\nexit",
      "r1 = %0\nr0 = 0\nexit",
      "r1 = %1\nr0 = 0\nexit",
      "r1 = %0[0]+0\nr0 = 0\nexit",
      "r1 = %0[0]+8\nr0 = 0\nexit",
      "r1 = 0x1122334455667788 ll\nr0 = 0\nexit",
      "r1 = 5\ncall f\nexit\nf: r0 = r1\nexit",
    ]) {
      const program = load(twins, "socket_filter", text, { maps: [map, hash] });
      twins.both(text, (side) => hexOf(progInfo(side.sys, side.of(program)).tag));
      twins.close(program);
    }
    check();
  });

  it("tags of functions", () => {
    const text =
      "r6 = r1\nr1 = 5\ncall f\nr1 = 3\ncall g\nexit\nf: r0 = r1\nexit\ng: r6 = r1\ncall f\nr0 += r6\nexit";
    const program = load(twins, "socket_filter", text);
    twins.both("tags", (side) => progInfo(side.sys, side.of(program), ["progTags"]).progTags);
    twins.close(program);
    check();
  });

  it("info of programs", () => {
    const { btf, types, strings } = loadSample(twins);
    const text = "r1 = %0[0]+0\nr2 = %1\nr1 = 5\ncall f\nr0 = 0\nexit\nf: r0 = r1\nexit";
    const debug = debugFields(
      btf,
      [
        [0, types.main],
        [8, types.sub],
      ],
      [
        [0, strings.file, strings.line, 5 << 10],
        [4, strings.file, strings.line, 6 << 10],
        [8, strings.file, strings.line, 7 << 10],
      ],
    );
    const program = load(twins, "socket_filter", text, {
      maps: [map, hash],
      license: "MIT",
      fields: { ...debug, progName: utf8("some_prog") },
    });
    const plain = load(twins, "xdp", MINIMAL);
    const summary = (side: Side, pair: Pair) => {
      const all = progInfo(side.sys, side.of(pair), ["mapIds", "funcInfo", "lineInfo"]);
      const {
        type,
        name,
        gplCompatible,
        createdByUid,
        ifindex,
        netnsDev,
        netnsIno,
        nrFuncInfo,
        funcInfoRecSize,
        nrLineInfo,
        lineInfoRecSize,
        nrMapIds,
        xlatedProgLen,
        nrProgTags,
        runCnt,
        runTimeNs,
        recursionMisses,
        attachBtfId,
        attachBtfObjId,
        verifiedInsns,
      } = all;
      return {
        type,
        name,
        gplCompatible,
        createdByUid,
        ifindex,
        netnsDev,
        netnsIno,
        nrFuncInfo,
        funcInfoRecSize,
        nrLineInfo,
        lineInfoRecSize,
        nrMapIds,
        xlatedProgLen,
        nrProgTags,
        runCnt,
        runTimeNs,
        recursionMisses,
        attachBtfId,
        attachBtfObjId,
        verifiedInsns,
        hasBtf: all.btfId !== 0,
        funcInfo: all.funcInfo,
        lineInfo: all.lineInfo,
        maps: [...all.mapIds].map((id) =>
          id === mapInfo(side.sys, side.of(map)).id
            ? "map"
            : id === mapInfo(side.sys, side.of(hash)).id
              ? "hash"
              : "other",
        ),
      };
    };
    twins.both("info", (side) => summary(side, program));
    twins.both("info of the smallest", (side) => summary(side, plain));
    // PROG_BIND_MAP shows among them.
    for (const [progFd, mapFd, flags] of [
      [plain, hash, 0],
      [plain, hash, 0],
      [plain, map, 1],
      [hash, map, 0],
      [plain, plain, 0],
      [7777, map, 0],
      [plain, 7777, 0],
    ] as const)
      twins.call("PROG_BIND_MAP", { progFd, mapFd, flags });
    twins.call("PROG_BIND_MAP", { progFd: plain, mapFd: map }, { tail: new Uint8Array([1]) });
    twins.both("info with a bound map", (side) => summary(side, plain));
    // Buffers: too small, too large, bad; arrays without any.
    const arrays = [
      ["xlatedProgInsns", "xlatedProgLen"],
      ["mapIds", "nrMapIds"],
      ["funcInfo", "nrFuncInfo"],
      ["lineInfo", "nrLineInfo"],
      ["progTags", "nrProgTags"],
    ] as const;
    // Code and tags hold the kernel's own addresses.
    const same = new Set(["mapIds", "funcInfo", "lineInfo"]);
    for (const [array, count] of arrays) {
      for (const asked of [0, 1, 2, 3, 5, 100]) {
        for (const target of ["good", "bad", "null"]) {
          for (const recSize of [8, 16, 0]) {
            if (recSize !== 8 && array !== "funcInfo" && array !== "lineInfo") continue;
            twins.both(`${array}: ${asked} asked, ${target}, ${recSize}`, (side) => {
              const buffer = room(1024);
              const address = side.port.memory.lend(buffer);
              const info = new Uint8Array(bpfProgInfo.size);
              const view = new DataView(info.buffer);
              const at = (name: string) => bpfProgInfo.fields.find(({ camel }) => camel === name)!.offset;
              view.setBigUint64(at(array), target === "good" ? address : target === "bad" ? 0x10n : 0n, true);
              view.setUint32(at(count), asked, true);
              view.setUint32(at("funcInfoRecSize"), array === "funcInfo" ? recSize : 8, true);
              view.setUint32(at("lineInfoRecSize"), array === "lineInfo" ? recSize : 16, true);
              view.setUint32(at("jitedLineInfoRecSize"), 8, true);
              try {
                side.sys.objGetInfoByFd({ bpfFd: side.of(program), info });
              } finally {
                side.port.memory.release(address);
              }
              const counted = view.getUint32(at(count), true);
              // Ids differ, and may have the byte that stands for nothing written; their highest one is 0.
              const written = array === "mapIds" ? buffer.findLastIndex((byte) => byte !== 0xaa) : buffer;
              return same.has(array) ? [counted, written] : [counted];
            });
          }
        }
      }
    }
    for (const infoLen of [0, 4, 16, 40, 100, 184, 200, 224, 228, 232, 240, 512, 4096, 4097]) {
      const info = new Uint8Array(Math.max(infoLen, 1));
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: plain, infoLen, info }, { ignore: ["info"] });
      info[infoLen - 1] = 1;
      twins.call("OBJ_GET_INFO_BY_FD", { bpfFd: plain, infoLen, info }, { ignore: ["info"] });
    }
    for (const pair of [program, plain, btf]) twins.close(pair);
    check();
  });
});
