import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { decode } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { progInfo, type Errno as Refused } from "../../src/sys/index.ts";
import { BpfMapType, BpfProgType, Errno } from "../../src/uapi/index.ts";

function errnoOf(act: () => unknown): number {
  try {
    act();
    return 0;
  } catch (error) {
    return (error as Refused).errno;
  }
}

/** A program that looks a key up. */
function program(mapFd: number) {
  const { insns } = assemble(
    `*(u64 *)(r10 - 8) = 0
     r1 = map_fd ll
     r2 = r10
     r2 += -8
     call 1
     r0 = 0
     exit`.replace("r1 = map_fd ll", `.insn 0x18, 1, 1, 0, ${mapFd}\n.insn 0, 0, 0, 0, 0`),
    { dialect: "pseudoc" },
  );
  return insns;
}

const trie = (kernel: EmbeddedKernel) =>
  kernel.mapCreate({
    mapType: BpfMapType.LPM_TRIE,
    keySize: 8,
    valueSize: 8,
    maxEntries: 16,
    mapFlags: 1,
    mapName: "recent",
  });

describe("maps of maps", () => {
  it("need an inner map to hold maps", () => {
    const kernel = new EmbeddedKernel();
    const outer = { mapType: BpfMapType.ARRAY_OF_MAPS, keySize: 4, valueSize: 4, maxEntries: 2 };
    expect(errnoOf(() => kernel.mapCreate({ ...outer, innerMapFd: 77 }))).toBe(Errno.EBADF);
    const innerMapFd = kernel.mapCreate({
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
    const mapFd = kernel.mapCreate({ ...outer, innerMapFd });
    expect(errnoOf(() => kernel.mapCreate({ ...outer, innerMapFd: mapFd }))).toBe(Errno.EINVAL);
  });
});

describe("a kernel that only shows", () => {
  it("loads what it could not run, shows it as Linux does, and runs nothing", () => {
    const kernel = new EmbeddedKernel({ execute: false });
    const { fd: progFd } = kernel.progLoad({
      progType: BpfProgType.XDP,
      insns: program(trie(kernel)),
      license: "GPL",
    });
    const { xlatedProgInsns } = progInfo(kernel, progFd, ["xlatedProgInsns"]);
    expect(decode(xlatedProgInsns)).toHaveLength(8);
    expect(errnoOf(() => kernel.progTestRun({ progFd, dataIn: new Uint8Array(64) }))).toBe(Errno.EOPNOTSUPP);
  });
});
