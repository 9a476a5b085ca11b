import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { TextWriter, textOf } from "../../../src/base/index.ts";
import { Btf } from "../../../src/btf/index.ts";
import { decode } from "../../../src/isa/index.ts";
import { KernelLayout, mapTraits, programType } from "../../../src/platform/index.ts";
import { Errno } from "../../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import {
  type BtfRecord,
  type FunctionRecord,
  mapRecord,
  type ProgramFile,
  parseStructMetas,
  type SourceRecord,
  type VerifierMap,
  verify,
} from "../../../src/verifier/index.ts";
import { hasRight } from "./case-rights.ts";
import { KernelTypes } from "./kernel-types.ts";
import type { CaseVerifier, VerifierAnswer, VerifierQuestion } from "./verifier-answer.ts";
import type { CaseMap, VerifierCase } from "./verifier-case.ts";

const GPL = /^(GPL|GPL v2|GPL and additional rights|Dual BSD\/GPL|Dual MIT\/GPL|Dual MPL\/GPL)$/;

/** Maps that the kernel marks as such itself (`dev_map_alloc_check`). */
const READ_ONLY_TO_PROGRAMS: ReadonlySet<number> = new Set([BpfMapType.DEVMAP, BpfMapType.DEVMAP_HASH]);

/** Descriptor of a case's first map: behind those that every process has. */
const FIRST_MAP = 16;

/** The verifier without a kernel around it: for programs whose maps and helpers no embedded kernel has yet. */
export class LoneVerifier implements CaseVerifier {
  readonly name = "alone";
  readonly types: KernelTypes;
  readonly #layout: KernelLayout;
  readonly #cpus: number;

  private constructor(types: KernelTypes, cpus: number) {
    this.types = types;
    this.#layout = new KernelLayout(types.btf);
    this.#cpus = cpus;
  }

  /** With the types and CPUs of the running kernel. */
  static open(): LoneVerifier {
    const types = new KernelTypes(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")));
    return new LoneVerifier(types, availableParallelism());
  }

  verify(test: VerifierCase, question: VerifierQuestion): VerifierAnswer {
    const parsed = new ParsedBtf();
    const maps: VerifierMap[] = [];
    for (const map of test.maps) maps.push(this.#map(map, maps, parsed));
    const insns = decode(test.insns).map((insn) => ({ ...insn }));
    for (const reference of test.references) {
      insns[reference.slot]!.imm =
        reference.kind === "map" ? FIRST_MAP + reference.map : this.types.id(reference);
    }
    const attach = test.attach === null ? null : this.types.attach(test.attach);
    const type = programType(test.progType)!;
    const attachType = test.expectedAttachType || (type.defaultAttachType ?? 0);
    const text = new TextWriter();
    const { errno } = verify({
      insns,
      type,
      expectedAttachType: attach?.member ? attach.member : attachType,
      flags: test.progFlags,
      gplCompatible: GPL.test(test.license),
      attach: attach === null ? null : { btf: this.types.btf, btfId: attach.id, program: null },
      capabilities: {
        bpf: hasRight(test.rights, "BPF"),
        perfmon: hasRight(test.rights, "PERFMON"),
        netAdmin: hasRight(test.rights, "NET_ADMIN"),
        sysAdmin: hasRight(test.rights, "SYS_ADMIN"),
      },
      records: recordsOf(test, parsed),
      kernel: {
        release: "6.18",
        btf: this.types.btf,
        layout: this.#layout,
        symbolAddress: () => 0xffff_ffff_8100_0000n,
        cpus: this.#cpus,
        // Of the machine that answers were recorded on.
        lockdown: "integrity",
      },
      files: {
        file: (fd): ProgramFile | null => {
          const map = maps[fd - FIRST_MAP];
          if (map !== undefined) return { kind: "map", map };
          return fd >= 0 && fd <= 2 ? { kind: "other" } : null;
        },
        fdArray: null,
        fdArrayCount: 0,
      },
      log: {
        level: question.logLevel,
        write: (added) => {
          text.text(added);
        },
        get position() {
          return text.length;
        },
        reset: (position) => text.truncate(position),
      },
    });
    return { errno, log: textOf(text.view()), xlated: null, runs: [] };
  }

  close(): void {}

  #map(map: CaseMap, made: readonly VerifierMap[], parsed: ParsedBtf): VerifierMap {
    const { types } = map;
    const btf = types === null ? null : parsed.of(types.btf);
    return {
      type: map.type,
      keySize: map.keySize,
      valueSize: map.valueSize,
      maxEntries: map.maxEntries,
      flags: map.flags | (READ_ONLY_TO_PROGRAMS.has(map.type) ? BpfMapFlag.RDONLY_PROG : 0),
      id: made.length + 1,
      address: 0xffff_8880_0000_0000n + BigInt(made.length << 12),
      valueAddress: 0n,
      name: map.name,
      btf,
      keyTypeId: types?.keyType ?? 0,
      valueTypeId: types?.valueType ?? 0,
      record: btf === null ? null : this.#record(map, btf),
      // The kernel keeps a pattern of the inner map, without its name (`bpf_map_meta_alloc`).
      inner: map.inner === null ? null : { ...made[map.inner]!, name: "" },
      frozen: map.frozen,
      reservedForAnother: false,
      extra: map.extra,
      // As the kernel has it, `map_extra` is the address.
      userAddress: map.type === BpfMapType.ARENA && map.extra !== 0n ? map.extra : null,
      ...(mapTraits(map.type)?.directValue === "single"
        ? { constant: (off: number, size: number) => constantAt(map, off, size) }
        : {}),
    };
  }

  #record(map: CaseMap, btf: Btf): BtfRecord | null {
    const kernel = [this.types.btf];
    const { errno, record } = mapRecord({
      btf,
      valueTypeId: map.types!.valueType,
      structMetas: parseStructMetas(btf, kernel),
      kernel,
      mapType: map.type,
      mapFlags: map.flags,
      valueSize: map.valueSize,
      bpfCapable: true,
    });
    if (errno !== 0) throw new Errno(errno, "BPF_MAP_CREATE");
    return record;
  }
}

/** Of element 0, little endian. */
function constantAt(map: CaseMap, off: number, size: number): bigint | null {
  if (off < 0 || off + size > map.valueSize) return null;
  const bytes = map.elements.find(({ key }) => key.every((byte) => byte === 0))?.value;
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes?.[off + i] ?? 0);
  return value;
}

/** The same types are one BTF, as where a loader loads them once: types are told apart by the BTF that they are in. */
class ParsedBtf {
  readonly #known: Btf[] = [];

  of(bytes: Uint8Array): Btf {
    const known = this.#known.find((btf) => Buffer.compare(btf.bytes, bytes) === 0);
    if (known !== undefined) return known;
    const btf = Btf.parse(bytes, { what: "case" });
    this.#known.push(btf);
    return btf;
  }
}

function recordsOf({ btf: bytes, funcInfo, lineInfo }: VerifierCase, parsed: ParsedBtf) {
  if (bytes === null) return null;
  const btf = parsed.of(bytes);
  const functions: FunctionRecord[] = words(funcInfo, 2).map(([slot, typeId]) => ({
    slot: slot!,
    typeId: typeId!,
  }));
  const lines: SourceRecord[] = words(lineInfo, 4).map(([slot, file, text, column]) => ({
    slot: slot!,
    line: column! >>> 10,
    column: column! & 0x3ff,
    text: btf.string(text!),
    file: btf.string(file!),
  }));
  return {
    functions: () => (functions.length + lines.length === 0 ? null : { btf, functions }),
    lines: () => lines,
    relocated: () => null,
  };
}

/** Little-endian words, `count` at a time. */
function words(bytes: Uint8Array, count: number): number[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / 4 / count) }, (_, i) =>
    Array.from({ length: count }, (_, j) => view.getUint32((i * count + j) * 4, true)),
  );
}
