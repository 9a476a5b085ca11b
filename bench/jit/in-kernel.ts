import { hexOf } from "../../src/base/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { LoadError, type LoadedMap, type LoadedObject, load } from "../../src/loader/index.ts";
import { open } from "../../src/object/index.ts";
import type { BpfCommands } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { projectFile } from "../places.ts";
import type { Absence, Contender, EngineName, MapContents } from "./contender.ts";
import type { BenchProgram } from "./programs.ts";

/** A program in a kernel, run by BPF_PROG_TEST_RUN. */
class LoadedContender implements Contender {
  readonly engine: EngineName;
  readonly #sys: BpfCommands;
  readonly #object: LoadedObject;
  readonly #fd: number;
  readonly #end: () => void;

  constructor(engine: EngineName, sys: BpfCommands, object: LoadedObject, end: () => void) {
    this.engine = engine;
    this.#sys = sys;
    this.#object = object;
    this.#fd = object.programs.get("program")!.fd;
    this.#end = end;
  }

  run(packet: Uint8Array, count: number): number {
    return this.#sys.progTestRun({ progFd: this.#fd, dataIn: packet, repeat: count }).retval;
  }

  /**
   * Linux's account is of runs alone, in whole nanoseconds a run: before several runs of an XDP program it waits for
   * all CPUs to forget the one before (`bpf_prog_change_xdp`), which takes it many milliseconds.
   */
  time(packet: Uint8Array, count: number): number | null {
    if (this.engine !== "live") return null;
    return this.#sys.progTestRun({ progFd: this.#fd, dataIn: packet, repeat: count }).duration * count;
  }

  maps(): Map<string, MapContents> {
    const maps = [...this.#object.maps].filter(([, { spec }]) => spec.type !== BpfMapType.PROG_ARRAY);
    return new Map(maps.map(([name, map]) => [name, contentsOf(map)]));
  }

  [Symbol.dispose](): void {
    this.#object.close();
    this.#end();
  }
}

function contentsOf({ raw }: LoadedMap): MapContents {
  const elements = [...raw.entries()].map(([key, value]) => {
    return `${hexOf(key)}: ${hexOf(raw.shape.perCpu ? sumOf(value, raw.shape.valueSize) : value)}`;
  });
  return elements.sort();
}

/** The sum of the values of all CPUs: which of them a run was on is nobody's choice. Values are 64-bit counters. */
function sumOf(values: Uint8Array, size: number): Uint8Array {
  if (size !== 8) throw new RangeError(`bench: expected per-CPU values of 8 bytes, got ${size}`);
  const counters = new BigUint64Array(values.slice().buffer);
  const sum = counters.reduce((total, counter) => total + counter, 0n);
  return new Uint8Array(BigUint64Array.of(BigInt.asUintN(64, sum)).buffer);
}

function loaded(
  engine: EngineName,
  sys: BpfCommands,
  { name, elements }: BenchProgram,
  end: () => void,
): Contender | Absence {
  const spec = open(projectFile(`bench/jit/programs/${name}.bpf.o`), { name });
  let object: LoadedObject;
  try {
    object = load(spec, sys);
  } catch (error) {
    end();
    if (!(error instanceof LoadError)) throw error;
    return { engine, why: error.message.split("\n")[0]! };
  }
  for (const [key, value] of elements?.() ?? []) object.maps.get("entries")!.raw.set(key, value);
  return new LoadedContender(engine, sys, object, end);
}

/** A program in the running kernel. */
export function live(program: BenchProgram, sys: BpfCommands): Contender | Absence {
  return loaded("live", sys, program, () => {});
}

/** A program in an embedded kernel of its own. */
export function embedded(program: BenchProgram, engine: "interp" | "jit"): Contender | Absence {
  const kernel = new EmbeddedKernel({ engine, cpus: 2 });
  return loaded(engine, kernel, program, () => kernel.exit());
}
