import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { decode } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { mapInfo, progInfo, Errno as Refused } from "../../src/sys/index.ts";
import { BpfMapType, BpfProgType, Errno } from "../../src/uapi/index.ts";

const KEY = new Uint8Array(8);

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

describe("maps of types that have no elements here", () => {
  it("are created and described by Linux's rules, and their elements refused", () => {
    const kernel = new EmbeddedKernel();
    // What the kernel itself retired while it booted is gone after the first call.
    kernel.close(trie(kernel));
    const before = kernel.memoryUsed;
    const mapFd = trie(kernel);
    expect(mapInfo(kernel, mapFd)).toMatchObject({
      name: "recent",
      type: BpfMapType.LPM_TRIE,
      maxEntries: 16,
    });
    expect(errnoOf(() => kernel.mapLookupElem({ mapFd, key: KEY }))).toBe(Errno.EOPNOTSUPP);
    expect(errnoOf(() => kernel.mapUpdateElem({ mapFd, key: KEY, value: new Uint8Array(8) }))).toBe(
      Errno.EOPNOTSUPP,
    );
    expect(
      errnoOf(() =>
        kernel.mapCreate({ mapType: BpfMapType.RINGBUF, keySize: 0, valueSize: 0, maxEntries: 5 }),
      ),
    ).toBe(Errno.EINVAL);
    kernel.close(mapFd);
    expect(kernel.memoryUsed).toBe(before);
  });

  it("keep programs that use them from loading, saying which", () => {
    const kernel = new EmbeddedKernel();
    const load = () =>
      kernel.progLoad({ progType: BpfProgType.XDP, insns: program(trie(kernel)), license: "GPL" });
    expect(errnoOf(load)).toBe(Errno.EOPNOTSUPP);
    expect(load).toThrow(Refused);
    try {
      load();
    } catch (error) {
      expect((error as Refused).log).toMatch(
        /^processed \d+ insns .*\nmap recent: maps of type lpm_trie are not supported by this kernel\n$/,
      );
    }
  });

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
