import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Btf, BtfBuilder } from "../../src/btf/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import { linuxTypes } from "../kernel/case-program.ts";
import { describeMaps } from "./maps.ts";

describe("load on the embedded kernel", () => {
  let kernel: EmbeddedKernel | undefined;
  const sys = () => (kernel ??= new EmbeddedKernel());
  describeMaps(sys, () => {
    let maps = 0;
    for (let id = sys().mapGetNextId({ startId: 0 }); id !== null; id = sys().mapGetNextId({ startId: id }))
      maps++;
    return maps;
  });

  it("tells that it loads an object without the types that a kernel refuses", () => {
    const bytes = new Uint8Array(readFileSync("testdata/objects/data.bpf.o"));
    const spec = open(bytes, { name: "data" });
    const spoiled = new BtfBuilder();
    spoiled.append(spec.btf!);
    // An array as large as no kernel takes one.
    const int = spoiled.add({ kind: "INT", name: "int", size: 4, signed: true });
    spoiled.add({ kind: "ARRAY", type: int, indexType: int, count: 0x4000_0000 });
    const warnings: string[] = [];
    using object = load({ ...spec, btf: Btf.parse(spoiled.finish()) }, sys(), {
      warn: (problem) => warnings.push(problem),
    });
    expect(object.btfFd).toBeNull();
    expect(warnings).toEqual([
      expect.stringMatching(/^the kernel refuses its BTF \(.+\): maps, functions and lines/),
    ]);
  });

  it("maps an arena that has no user address yet", () => {
    const bytes = new Uint8Array(readFileSync("testdata/objects/maps-arena.bpf.o"));
    using kernel = new EmbeddedKernel({ btf: linuxTypes().btf });
    using object = load(open(bytes, { name: "arena" }), kernel);
    expect(kernel.progTestRun({ progFd: object.programs.get("allocate")!.fd }).retval).toBe(7);
  });

  it("gives externs what the kernel's own configuration says, and those of the caller's before it", () => {
    const bytes = new Uint8Array(readFileSync("testdata/objects/externs-kconfig.bpf.o"));
    const seen = (options: { kconfig?: string }) => {
      using object = load(open(bytes, { name: "externs" }), sys(), options);
      const { fd } = object.programs.get("program")!;
      sys().progTestRun({ progFd: fd, dataIn: new Uint8Array(64), repeat: 1 });
      return [...new BigUint64Array(object.maps.get(".bss")!.raw.get(new Uint8Array(4))!.slice().buffer)];
    };
    // LINUX_KERNEL_VERSION, then cookie, BPF, BPF_SYSCALL, HZ, NR_CPUS, hostname, and one that no kernel has.
    expect(seen({})).toEqual([0x61200n, 1n, 1n, 1n, 250n, 1n, 0n, 0n]);
    expect(seen({ kconfig: "CONFIG_HZ=1000\nCONFIG_BPF_SYSCALL=m\n" }).slice(3, 5)).toEqual([2n, 1000n]);
  });
});
