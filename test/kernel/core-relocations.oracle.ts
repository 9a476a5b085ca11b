import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { encode, WideKind } from "../../src/isa/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { type ObjectSpec, open, type ProgramSpec } from "../../src/object/index.ts";
import { BpfCommands, Errno, progInfo } from "../../src/sys/index.ts";
import { BpfMapType, type BpfProgType } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { maskXlated } from "../verifier/support/mask.ts";
import { linuxTypes } from "./case-program.ts";
import { type CoreRecord, coreRecords, funcRecords } from "./core-records.ts";

const FOLDER = "testdata/objects";
const FILES = readdirSync(FOLDER).filter((name) => /^core-.*\.bpf\.o$/.test(name));
type Change = (record: CoreRecord) => readonly number[];
const CHANGES: Readonly<Record<string, Change>> = {
  "as they are": (record) => record,
  "of other kinds": ([offset, type, access, kind]) => [offset, type, access, (kind + 1) % 13],
  "of an unknown kind": ([offset, type, access]) => [offset, type, access, 99],
  "of other types": ([offset, type, access, kind]) => [offset, Math.max(1, type - 1), access, kind],
  "of no type": ([offset, , access, kind]) => [offset, 9999, access, kind],
  "of void": ([offset, , access, kind]) => [offset, 0, access, kind],
  "without an access": ([offset, type, , kind]) => [offset, type, 0, kind],
  "with an access that is not there": ([offset, type, , kind]) => [offset, type, 1 << 20, kind],
  "of the next instruction": ([offset, type, access, kind]) => [offset + 8, type, access, kind],
  "between instructions": ([offset, type, access, kind]) => [offset + 4, type, access, kind],
  "behind the program": ([, type, access, kind]) => [1 << 20, type, access, kind],
};

describeWith([liveKernel("6.18")], "CO-RE relocations that the kernel does, as Linux", async () => {
  const { port } = await livePort();
  const linux = new BpfCommands(port!);
  const btf = linuxTypes().btf;
  const embedded = new EmbeddedKernel({ execute: false, btf, lockdown: "integrity" });

  it.each(FILES)("%s", (file) => {
    const spec = open(new Uint8Array(readFileSync(`${FOLDER}/${file}`)), { name: file });
    const differing: string[] = [];
    let asked = 0;
    let accepted = 0;
    for (const program of spec.programs.values()) {
      const variables = program.references.every(({ kind }) => kind === "mapValue");
      if (program.coreRelocations.length === 0 || !variables) continue;
      for (const [what, change] of Object.entries(CHANGES)) {
        const theirs = answer(linux, spec, program, change);
        const ours = answer(embedded, spec, program, change);
        asked++;
        if (theirs.startsWith("accepted")) accepted++;
        if (theirs !== ours) differing.push(`${program.name}, ${what}:\n  Linux ${theirs}\n  here  ${ours}`);
      }
    }
    expect(asked).toBeGreaterThan(0);
    expect(differing).toEqual([]);
    // What one object asks for is nowhere.
    if (file !== "core-missing.bpf.o") expect(accepted).toBeGreaterThan(0);
  });
});

/** Errno, or the program that was made of it. */
function answer(sys: BpfCommands, spec: ObjectSpec, program: ProgramSpec, change: Change): string {
  const btfFd = sys.btfLoad({ btf: spec.btf!.bytes });
  // Stands for the object's variables.
  const mapFd = sys.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 4096, maxEntries: 1 });
  const insns = [...program.insns];
  for (const reference of program.references) {
    if (reference.kind !== "mapValue") continue;
    const { slot, offset } = reference;
    insns[slot] = { ...insns[slot]!, src: WideKind.mapValue, imm: mapFd };
    insns[slot + 1] = { ...insns[slot + 1]!, imm: offset };
  }
  let progFd = -1;
  try {
    progFd = sys.progLoad({
      progType: program.kind.type as BpfProgType,
      insns: encode(insns),
      license: "GPL",
      progBtfFd: btfFd,
      funcInfo: funcRecords(program),
      funcInfoRecSize: 8,
      coreRelos: coreRecords(program, spec.btf!, change),
      coreReloRecSize: 16,
    }).fd;
    const { xlatedProgInsns } = progInfo(sys, progFd, ["xlatedProgInsns"]);
    return `accepted ${Buffer.from(maskXlated(xlatedProgInsns, { references: [], rights: "all" })).toString("hex")}`;
  } catch (error) {
    // The words about relocations that cannot be done are our own.
    if (error instanceof Errno) return error.code;
    throw error;
  } finally {
    if (progFd >= 0) sys.close(progFd);
    sys.close(mapFd);
    sys.close(btfFd);
  }
}
