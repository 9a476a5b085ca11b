import type { ObjectSpec } from "../object/index.ts";
import type { BpfCommands } from "../sys/index.ts";
import { Globals } from "./globals.ts";
import type { LoadedMap } from "./loaded-map.ts";
import type { LoadedProgram } from "./loaded-program.ts";

/** An object in a kernel: programs and maps by name, until it is closed. */
export class LoadedObject implements Disposable {
  readonly spec: ObjectSpec;
  readonly programs: ReadonlyMap<string, LoadedProgram>;
  /** By the keys of `ObjectSpec.maps`. */
  readonly maps: ReadonlyMap<string, LoadedMap>;
  /** Global variables by name. */
  readonly globals: Globals;
  /** Descriptor of the object's BTF in the kernel; null where it has none. */
  readonly btfFd: number | null;
  readonly #sys: BpfCommands;
  #open = true;

  constructor(
    sys: BpfCommands,
    parts: {
      readonly spec: ObjectSpec;
      readonly programs: ReadonlyMap<string, LoadedProgram>;
      readonly maps: ReadonlyMap<string, LoadedMap>;
      readonly btfFd: number | null;
    },
  ) {
    this.#sys = sys;
    this.spec = parts.spec;
    this.programs = parts.programs;
    this.maps = parts.maps;
    this.btfFd = parts.btfFd;
    this.globals = new Globals(parts.spec, sys.port, parts.maps);
  }

  /** Closes all descriptors; what is pinned or attached stays. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.globals[Symbol.dispose]();
    for (const program of this.programs.values()) program.close();
    for (const map of this.maps.values()) map.close();
    if (this.btfFd !== null) this.#sys.port.close(this.btfFd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
