import { readFileSync } from "node:fs";
import { BtfBuilder } from "../../../src/btf/index.ts";
import { CallKind, type Insn, WideKind } from "../../../src/isa/index.ts";
import type { BpfCommands } from "../../../src/sys/index.ts";
import { BpfMapType, BpfProgType } from "../../../src/uapi/index.ts";
import type { Inputs } from "./input.ts";
import { hex } from "./lab.ts";
import type { Laboratory, Outcome } from "./outcome.ts";
import { allOf, CPU, CPUS, type FuzzMap, type FuzzProgram, MAPS, type MapName, SLOTS } from "./program.ts";

/** Longer ones are not put to the kernel that everything runs on. */
const LONGEST = 4096;
const WIDE = 0x18;
/** Of `arrange`: no program has this number. */
const NO_PROGRAM = -1;
/** Maps that every kernel has. */
const COMMON: readonly (FuzzMap & { readonly name: MapName })[] = (
  MAPS as readonly (FuzzMap & { readonly name: MapName })[]
).filter(({ own }) => own !== true);
const NOTHING = new Uint8Array(0);

/** A kernel, through BPF_PROG_TEST_RUN. It has to run programs as the CPU that they are for. */
export class KernelLab implements Laboratory {
  readonly name: string;
  readonly #sys: BpfCommands;
  readonly #maps: readonly number[];
  readonly #possible: number;
  readonly #cpu: number;
  readonly #btf: number;
  /** Slots of `jumps` with a program. */
  readonly #filled = new Set<number>();
  #programs: number[] = [];

  /**
   * @param possible how many CPUs there could be: so many values a per-CPU map wants.
   * @param cpu the one that programs run as.
   */
  constructor(name: string, sys: BpfCommands, possible: number, cpu: number = CPU) {
    this.name = name;
    this.#cpu = cpu;
    this.#sys = sys;
    this.#possible = possible;
    const maps: number[] = [];
    this.#maps = maps;
    this.#btf = sys.btfLoad({ btf: functionType() });
    try {
      for (const { type, keySize, valueSize, maxEntries } of COMMON)
        maps.push(this.#sys.mapCreate({ mapType: type, keySize, valueSize, maxEntries }));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  load(program: FuzzProgram): void {
    for (const { insns: code } of allOf(program)) {
      const insns = code.map((insn) => this.#linked(insn));
      if (insns.length > LONGEST) throw new Error("too long for the live kernel");
      const entries = entriesOf(code);
      // Whose functions are called back has to say their types.
      const types =
        entries.length === 1
          ? {}
          : { progBtfFd: this.#btf, funcInfo: recordsOf(entries), funcInfoRecSize: FUNC_INFO_SIZE };
      const { fd } = this.#sys.progLoad({ progType: BpfProgType.XDP, insns, license: "GPL", ...types });
      this.#programs.push(fd);
    }
  }

  fill({ elements }: Inputs): void {
    for (const { name, type } of COMMON) {
      if (type === BpfMapType.HASH || type === BpfMapType.PERCPU_HASH)
        for (const key of this.#keys(name)) this.#sys.mapDeleteElem({ mapFd: this.#fd(name), key });
    }
    for (const { map, key, value } of elements.filter(({ map }) => COMMON.some(({ name }) => name === map)))
      this.#sys.mapUpdateElem({ mapFd: this.#fd(map), key, value: this.#ofAllCpus(map, value) });
  }

  arrange(slots: readonly number[]): void {
    if (this.#programs.length === 1) return;
    const mapFd = this.#fd("jumps");
    for (let slot = 0; slot < SLOTS; slot++) {
      const fd = this.#programs[slots[slot] ?? NO_PROGRAM];
      if (fd !== undefined) this.#sys.mapUpdateElem({ mapFd, key: word(slot), value: word(fd) });
      else if (this.#filled.has(slot)) this.#sys.mapDeleteElem({ mapFd, key: word(slot) });
      if (fd === undefined) this.#filled.delete(slot);
      else this.#filled.add(slot);
    }
  }

  run(packet: Uint8Array): Outcome {
    const result = this.#sys.progTestRun({
      progFd: this.#programs[0]!,
      dataIn: packet,
      dataSizeOut: packet.length,
    });
    return {
      // A test run gives 32 bits.
      result: [result.retval >>> 0, null],
      fault: null,
      packet: result.dataOut,
      out: this.#lookup("out", word(0)),
    };
  }

  contents(): readonly string[] {
    const lines: string[] = [];
    for (const { name, type, valueSize } of COMMON) {
      if (type === BpfMapType.PROG_ARRAY) continue;
      const stride = Math.ceil(valueSize / 8) * 8;
      const at = isPerCpu(type) ? this.#cpu * stride : 0;
      const found = this.#keys(name).map((key) => {
        const value = this.#lookup(name, key).subarray(at, at + valueSize);
        return `${name} ${hex(key)}: ${hex(value)}`;
      });
      lines.push(...found.sort());
    }
    return lines;
  }

  unload(): void {
    if (this.#programs.length > 1) this.arrange([]);
    for (const fd of this.#programs) this.#sys.close(fd);
    this.#programs = [];
  }

  close(): void {
    this.unload();
    for (const fd of [...this.#maps, this.#btf]) this.#sys.close(fd);
  }

  #linked(insn: Insn): Insn {
    const named = insn.src === WideKind.mapFd || insn.src === WideKind.mapValue;
    return insn.opcode === WIDE && named ? { ...insn, imm: this.#maps[insn.imm]! } : insn;
  }

  #fd(name: MapName): number {
    return this.#maps[MAPS.findIndex((map) => map.name === name)]!;
  }

  #keys(name: MapName): Uint8Array[] {
    const keys: Uint8Array[] = [];
    const mapFd = this.#fd(name);
    const { keySize } = MAPS.find((map) => map.name === name)!;
    const next = (key: Uint8Array | null) => this.#sys.mapGetNextKey({ mapFd, key, keySize });
    for (let key = next(null); key !== null; key = next(key)) keys.push(key);
    return keys;
  }

  #lookup(name: MapName, key: Uint8Array): Uint8Array {
    const { type, valueSize } = MAPS.find((map) => map.name === name)!;
    const userValueSize = isPerCpu(type) ? Math.ceil(valueSize / 8) * 8 * this.#possible : valueSize;
    return this.#sys.mapLookupElem({ mapFd: this.#fd(name), key, userValueSize }) ?? NOTHING;
  }

  /** The kernel wants a value for each CPU that there could be. */
  #ofAllCpus(name: MapName, value: Uint8Array): Uint8Array {
    const map: FuzzMap = MAPS.find((each) => each.name === name)!;
    if (!isPerCpu(map.type)) return value;
    const all = new Uint8Array((value.length / CPUS) * Math.max(this.#possible, CPUS));
    all.set(value);
    return all.subarray(0, (value.length / CPUS) * this.#possible);
  }
}

function isPerCpu(type: number): boolean {
  return type === BpfMapType.PERCPU_ARRAY || type === BpfMapType.PERCPU_HASH;
}

function word(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** Type 3: a function of the program's own, of no arguments and an int. */
function functionType(): Uint8Array {
  const builder = new BtfBuilder();
  const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
  const proto = builder.add({ kind: "FUNC_PROTO", returns: int, params: [] });
  builder.add({ kind: "FUNC", name: "f", type: proto, linkage: "static" });
  return builder.finish();
}

const FUNC_TYPE = 3;
const FUNC_INFO_SIZE = 8;
const CALL = 0x85;

/** First slots of all functions. */
function entriesOf(code: readonly Insn[]): readonly number[] {
  const entries = new Set([0]);
  for (const [slot, { opcode, src, imm }] of code.entries()) {
    const local = opcode === CALL && src === CallKind.local;
    if (local || (opcode === WIDE && src === WideKind.func)) entries.add(slot + 1 + imm);
  }
  return [...entries].sort((a, b) => a - b);
}

function recordsOf(entries: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(entries.flatMap((entry) => [entry, FUNC_TYPE])).buffer);
}

/** "0-3": four of them. */
export function possibleCpus(): number {
  const text = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  return Number(text.split(/[-,]/).at(-1)) + 1;
}
