import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { hexOf } from "../../src/base/index.ts";
import { type LoadedObject, load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { packetsOf } from "../../src/packets/index.ts";
import { mapInfo, progInfo } from "../../src/sys/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { type Side, Twins } from "./twins.ts";

const PACKETS = 300;
const bytesOf = (path: string) => new Uint8Array(readFileSync(path));

describeWith([liveKernel("6.18")], "a compiled program on captured traffic, as on Linux", async () => {
  const twins = await Twins.meet();
  const spec = open(bytesOf("testdata/flow/flow.bpf.o"), { name: "flow.bpf.o" });
  const loaded = new Map<Side, LoadedObject>();
  for (const side of twins.sides) loaded.set(side, load(spec, side.sys));
  afterAll(() => {
    for (const object of loaded.values()) object.close();
    twins[Symbol.dispose]();
  });

  it("verdicts and packets", () => {
    const packets: Uint8Array[] = [];
    for (const { data } of packetsOf(bytesOf("testdata/flow/traffic.pcap"))) {
      packets.push(data.slice());
      if (packets.length === PACKETS) break;
    }
    expect(packets.length).toBe(PACKETS);
    for (const name of loaded.get(twins.sides[0])!.programs.keys()) {
      for (const [i, dataIn] of packets.entries()) {
        twins.both(`${name}: packet ${i}`, (side) => {
          const progFd = loaded.get(side)!.programs.get(name)!.fd;
          const { retval, dataOut, dataSizeOut } = side.sys.progTestRun({
            progFd,
            dataIn,
            dataSizeOut: 2048,
          });
          return [retval, dataSizeOut, dataOut];
        });
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("maps, the sums of what all CPUs counted", () => {
    for (const name of loaded.get(twins.sides[0])!.maps.keys()) {
      twins.both(name, (side) => {
        const mapFd = loaded.get(side)!.maps.get(name)!.fd;
        const { keySize, valueSize, perCpu } = mapInfo(side.sys, mapFd);
        const found: string[] = [];
        for (let key: Uint8Array | null = null; ; ) {
          key = side.sys.mapGetNextKey({ mapFd, key, keySize });
          if (key === null) return found.sort();
          const value = side.sys.mapLookupElem({ mapFd, key })!;
          const stride = (valueSize + 7) & -8;
          const sums: bigint[] = [];
          for (let at = 0; perCpu && at < value.length; at += 8) {
            const word = new DataView(value.buffer, value.byteOffset).getBigUint64(at, true);
            const slot = (at % stride) / 8;
            sums[slot] = (sums[slot] ?? 0n) + word;
          }
          // Times are each kernel's own.
          if (name === "flows") value.fill(0, 16, 32);
          found.push(`${hexOf(key)} ${perCpu ? sums.join(" ") : hexOf(value)}`);
        }
      });
    }
    expect(twins.taken()).toEqual([]);
  });

  it("tags, lengths, lines", () => {
    for (const name of loaded.get(twins.sides[0])!.programs.keys()) {
      twins.both(name, (side) => {
        const info = progInfo(side.sys, loaded.get(side)!.programs.get(name)!.fd, ["funcInfo", "lineInfo"]);
        const { tag, xlatedProgLen, nrFuncInfo, nrLineInfo, nrMapIds, funcInfo, lineInfo, nrProgTags } = info;
        return { tag, xlatedProgLen, nrFuncInfo, nrLineInfo, nrMapIds, funcInfo, lineInfo, nrProgTags };
      });
    }
    expect(twins.taken()).toEqual([]);
  });
});
