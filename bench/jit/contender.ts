/** What runs a program here: Linux with its JIT, the machine's own code, or the embedded kernel with one of its engines. */
export type EngineName = "live" | "native" | "interp" | "jit";

export const ENGINE_NAMES: readonly EngineName[] = ["live", "native", "interp", "jit"];

/** Elements of a map in the order of their keys, hexadecimal; per-CPU values are summed up. */
export type MapContents = readonly string[];

/** A program that is ready to run, with maps of its own. */
export interface Contender extends Disposable {
  readonly engine: EngineName;
  /** Runs it on a packet so often, in one go; gives the result of the last run, unsigned. */
  run(packet: Uint8Array, count: number): number;
  /** Nanoseconds of so many runs in one go, by the engine's own clock; null where it has none of use. */
  time(packet: Uint8Array, count: number): number | null;
  /** By the names of its maps; null where it has none, whatever the program would have in a kernel. */
  maps(): ReadonlyMap<string, MapContents> | null;
}

/** Why a program cannot run with an engine here. */
export interface Absence {
  readonly engine: EngineName;
  readonly why: string;
}
