import { type Btf, BtfKind } from "../../../src/btf/index.ts";
import { CallKind, type Insn, WideKind } from "../../../src/isa/index.ts";
import { specialFields } from "../../../src/kernel/special-fields.ts";
import type { SpecialFields } from "../../../src/maps/index.ts";
import { addressOf } from "../../../src/mem/index.ts";
import { linuxTypes } from "../../../src/node/index.ts";
import { KernelLayout, mapTraits, programType } from "../../../src/platform/index.ts";
import { BpfProgFlag, BpfProgType, Errno } from "../../../src/uapi/index.ts";
import {
  type BtfRecord,
  type FunctionRecord,
  fixup,
  mapRecord,
  type ProgramFile,
  parseStructMetas,
  type StructMetas,
  type VerifierMap,
  verify,
} from "../../../src/verifier/index.ts";
import type { EngineInput } from "../../../src/vm/index.ts";
import { KFUNCS } from "./kfuncs.ts";
import {
  allOf,
  CPUS,
  type FuzzCode,
  type FuzzMap,
  type FuzzProgram,
  type FuzzType,
  MAPS,
} from "./program.ts";
import { type ProgramTypes, programTypes } from "./types.ts";

/** Descriptor of the first map: behind those that every process has. */
const FIRST_MAP = 16;
/** Instructions that the verifier goes through: those that take more are not worth their time. */
const COMPLEXITY = 20_000;
const CALL = 0x85;
const WIDE = 0x18;

const TYPES = {
  xdp: { name: BpfProgType.XDP, sleepable: false },
  syscall: { name: BpfProgType.SYSCALL, sleepable: true },
} as const;

/** Where a laboratory has what the code of programs names. */
export interface Places {
  readonly maps: readonly { readonly offset: number; readonly values: number; readonly arena: number }[];
  /** The record of the only struct that programs allocate. */
  readonly nodeRecord: number;
}

/** What an engine is given of a program. */
export type Prepared = Pick<
  EngineInput,
  "insns" | "mapOfSlot" | "kfuncOfSlot" | "exceptionCallback" | "arena"
>;

/**
 * Verifies programs and makes of them what engines run, once for all laboratories: those lay their memories out alike.
 */
export class Workshop {
  readonly btf: Btf = linuxTypes();
  readonly layout: KernelLayout = new KernelLayout(this.btf);
  readonly #types: ProgramTypes = programTypes();
  readonly #metas: StructMetas = parseStructMetas(this.#types.btf, [this.btf]);
  readonly #records: readonly (BtfRecord | null)[] = MAPS.map((map) => this.#recordOf(map));
  readonly #kfuncs = KFUNCS.map((name) => this.btf.findByName(name, BtfKind.FUNC));
  readonly #prepared = new WeakMap<FuzzProgram, readonly Prepared[] | Error>();
  #places: Places | null = null;
  #maps: readonly VerifierMap[] = [];

  /** Special fields of a map's values. */
  fieldsOf(map: number): SpecialFields | undefined {
    const record = this.#records[map] ?? null;
    return record === null ? undefined : specialFields(record, this.#metas);
  }

  /** Special fields of the struct that programs allocate. */
  get nodeFields(): SpecialFields {
    return specialFields(this.#metas.get(this.#types.struct("node"))!.record, this.#metas);
  }

  /** @throws where another laboratory has its maps elsewhere. */
  settle(places: Places): void {
    if (this.#places !== null && JSON.stringify(this.#places) !== JSON.stringify(places))
      throw new Error("expected laboratories whose memories are laid out alike");
    this.#places = places;
    this.#maps = places.maps.map((_, index) => this.#map(index, places));
  }

  /** @throws with the verifier's words where it refuses the program. */
  prepare(program: FuzzProgram): readonly Prepared[] {
    let made = this.#prepared.get(program);
    if (made === undefined) {
      made = this.#make(program);
      this.#prepared.set(program, made);
    }
    if (made instanceof Error) throw made;
    return made;
  }

  #make(program: FuzzProgram): readonly Prepared[] | Error {
    try {
      return allOf(program).map((code) => this.#one(code, TYPES[program.type]));
    } catch (error) {
      return error as Error;
    }
  }

  #one(code: FuzzCode, { name, sleepable }: (typeof TYPES)[FuzzType]): Prepared {
    const insns = code.insns.map((insn) => this.#named(insn));
    const type = programType(name)!;
    const functions = this.#functions(code);
    const expectedAttachType = type.defaultAttachType ?? 0;
    const { errno, reason, insnIdx, env } = verify({
      insns,
      type,
      expectedAttachType,
      flags: sleepable ? BpfProgFlag.SLEEPABLE : 0,
      gplCompatible: true,
      attach: null,
      capabilities: { bpf: true, perfmon: true, netAdmin: true, sysAdmin: true },
      records: {
        functions: () => ({ btf: this.#types.btf, functions }),
        lines: () => [],
        relocated: () => null,
      },
      kernel: {
        release: "6.18",
        btf: this.btf,
        layout: this.layout,
        symbolAddress: () => 0xffff_ffff_8100_0000n,
        cpus: CPUS,
      },
      files: {
        file: (fd): ProgramFile | null => {
          const map = this.#maps[fd - FIRST_MAP];
          return map === undefined ? null : { kind: "map", map };
        },
        fdArray: null,
        fdArrayCount: 0,
      },
      log: SILENCE,
      complexityLimit: COMPLEXITY,
    });
    if (errno === Errno.E2BIG) throw new Error("too complex");
    if (errno !== 0) throw new Error(`insn ${insnIdx}: ${reason}`);
    const maps = new Map<number, VerifierMap>();
    for (const [slot, { map }] of env.aux.entries()) if (map !== null) maps.set(slot, map);
    const fixed = fixup(
      { insns, type, expectedAttachType, sleepable, maps },
      {
        target: "tsbpf",
        layout: this.layout,
        recordAddress: () => addressOf(this.#places!.nodeRecord),
        verified: env,
      },
    );
    const mapOfSlot = new Map<number, number>();
    for (const [slot, { address }] of fixed.maps) mapOfSlot.set(slot, Number(address & 0xffff_ffffn));
    const arena = [...maps.values()].find(({ name }) => name === "arena");
    return {
      insns: fixed.insns,
      mapOfSlot,
      kfuncOfSlot: fixed.kfuncs,
      exceptionCallback: fixed.exceptionCallback,
      arena: arena === undefined ? 0 : this.#places!.maps[this.#maps.indexOf(arena)]!.arena,
    };
  }

  /** With descriptors and ids in place of the indices of maps and kfuncs. */
  #named(insn: Insn): Insn {
    const { opcode, src, imm } = insn;
    if (opcode === WIDE && (src === WideKind.mapFd || src === WideKind.mapValue))
      return { ...insn, imm: FIRST_MAP + imm };
    if (opcode === CALL && src === CallKind.kfunc) return { ...insn, imm: this.#kfuncs[imm] ?? 0 };
    return { ...insn };
  }

  #functions({ insns, catcher }: FuzzCode): readonly FunctionRecord[] {
    const entries = new Set(catcher === 0 ? [] : [catcher]);
    for (const [slot, { opcode, src, imm }] of insns.entries()) {
      const local = opcode === CALL && src === CallKind.local;
      if (local || (opcode === WIDE && src === WideKind.func)) entries.add(slot + 1 + imm);
    }
    entries.delete(0);
    const others = [...entries].sort((a, b) => a - b);
    const { func } = this.#types;
    return [
      { slot: 0, typeId: func(catcher === 0 ? "plain" : "catching") },
      ...others.map((slot) => ({ slot, typeId: func(slot === catcher ? "catcher" : "inner") })),
    ];
  }

  #map(index: number, { maps }: Places): VerifierMap {
    const map: FuzzMap = MAPS[index]!;
    const { offset, values } = maps[index]!;
    const { value } = map;
    const typeId = value === undefined ? 0 : this.#structId(value);
    return {
      type: map.type,
      keySize: map.keySize,
      valueSize: map.valueSize,
      maxEntries: map.maxEntries,
      flags: map.flags ?? 0,
      id: index + 1,
      address: addressOf(offset),
      valueAddress: values === 0 ? 0n : addressOf(values),
      name: map.name,
      btf: value === undefined ? null : this.#types.btf,
      keyTypeId: 0,
      valueTypeId: typeId,
      record: this.#records[index]!,
      inner: null,
      frozen: false,
      reservedForAnother: false,
      extra: map.extra ?? 0n,
      userAddress: map.extra ?? null,
      ...(mapTraits(map.type)?.directValue === "single" ? { constant: () => null } : {}),
    };
  }

  #recordOf({ value, type, flags = 0, valueSize }: FuzzMap): BtfRecord | null {
    if (value === undefined) return null;
    const { errno, record } = mapRecord({
      btf: this.#types.btf,
      valueTypeId: this.#structId(value),
      structMetas: this.#metas,
      kernel: [this.btf],
      mapType: type,
      mapFlags: flags,
      valueSize,
      bpfCapable: true,
    });
    if (errno !== 0) throw new Error(`values ${value}: error ${errno}`);
    return record;
  }

  #structId(value: string): number {
    return this.#types.struct(value.replace("struct ", ""));
  }
}

const SILENCE = { level: 0, write: () => {}, position: 0, reset: () => {} };
