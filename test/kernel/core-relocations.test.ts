import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CoreResolver } from "../../src/btf/index.ts";
import { encode } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { open, relocateCore } from "../../src/object/index.ts";
import { Errno, progInfo } from "../../src/sys/index.ts";
import type { BpfProgType } from "../../src/uapi/index.ts";
import { linuxTypes } from "./case-program.ts";
import { type CoreRecord, coreRecords, funcRecords } from "./core-records.ts";

const spec = open(new Uint8Array(readFileSync("testdata/objects/core-loads.bpf.o")), { name: "loads" });
const program = [...spec.programs.values()].find(
  ({ coreRelocations, references }) => coreRelocations.length > 0 && references.length === 0,
)!;

describe("CO-RE relocations of PROG_LOAD", () => {
  const btf = linuxTypes().btf;
  const kernel = new EmbeddedKernel({ execute: false, btf });

  const load = (
    relocations: { coreRelos: Uint8Array; coreReloRecSize: number } | null,
    insns = program.insns,
    funcInfo = funcRecords(program),
  ) => {
    const { fd } = kernel.progLoad({
      progType: program.kind.type as BpfProgType,
      insns: encode(insns),
      license: "GPL",
      progBtfFd: kernel.btfLoad({ btf: spec.btf!.bytes }),
      ...(funcInfo.length === 0 ? {} : { funcInfo, funcInfoRecSize: 8 }),
      ...relocations,
    });
    return progInfo(kernel, fd, ["xlatedProgInsns"]).xlatedProgInsns;
  };
  const refusal = (change: (record: CoreRecord) => readonly number[], coreReloRecSize = 16) => {
    try {
      load({ coreRelos: coreRecords(program, spec.btf!, change), coreReloRecSize });
    } catch (error) {
      if (error instanceof Errno) return `${error.code}: ${error.log.split("\n")[0]}`;
      throw error;
    }
    return "accepted";
  };

  it("are done as a loader would do them", () => {
    const coreRelos = coreRecords(program, spec.btf!);
    const done = load({ coreRelos, coreReloRecSize: 16 });
    const resolver = new CoreResolver(spec.btf!, { kernel: { name: "vmlinux", btf } });
    expect(done).toEqual(load(null, relocateCore(program, resolver)));
    // As it was compiled, it looks for what is elsewhere.
    expect(() => load(null)).toThrow("EACCES");
    // Records of the future, with nothing behind.
    const wide = new Uint8Array((coreRelos.length / 16) * 20);
    for (let at = 0; at < coreRelos.length; at += 16)
      wide.set(coreRelos.subarray(at, at + 16), (at / 16) * 20);
    expect(load({ coreRelos: wide, coreReloRecSize: 20 })).toEqual(done);
  });

  it("are not looked at without other records", () => {
    const coreRelos = new Uint8Array(16).fill(0xff);
    const bare = () => load({ coreRelos, coreReloRecSize: 16 }, program.insns, new Uint8Array(0));
    expect(bare).toThrow("EACCES");
  });

  it("are refused where they lead nowhere", () => {
    const { length } = program.insns;
    expect(refusal(([, ...rest]) => [4, ...rest])).toBe(
      `EINVAL: Invalid core_relo[0].insn_off:4 prog->len:${length}`,
    );
    expect(refusal(([, ...rest]) => [length * 8, ...rest])).toBe(
      `EINVAL: Invalid core_relo[0].insn_off:${length * 8} prog->len:${length}`,
    );
    expect(refusal(([offset, , ...rest]) => [offset, 9999, ...rest])).toBe(
      "EINVAL: relo #0: bad type id 9999",
    );
    expect(refusal(([offset, , ...rest]) => [offset, 0, ...rest])).toBe(
      "EINVAL: target candidate search failed for 0",
    );
    expect(refusal(([offset, type, access]) => [offset, type, access, 99])).toMatch(
      /^EINVAL: prog '': relo #0: /,
    );
    expect(refusal((record) => record, 12)).toMatch(/^EINVAL/);
    expect(refusal((record) => [...record, 1], 20)).toMatch(
      /^E2BIG: nonzero tailing record in core_reloprocessed 0 insns/,
    );
  });
});
