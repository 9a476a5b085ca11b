import { utf8 } from "../../base/index.ts";
import type { StructAllocator } from "../struct-allocator.ts";

/** The first is what connections have unless told. */
const NAMES: readonly string[] = ["cubic", "reno"];

/** What controls the congestion of connections: `struct tcp_congestion_ops`, of which nothing but the name is there. */
export class CongestionControls {
  readonly #structs: StructAllocator;
  readonly #offsets = new Map<string, number>();

  constructor(structs: StructAllocator) {
    this.#structs = structs;
  }

  /** Offset of the one of a name; 0 where there is none. */
  find(name: string): number {
    if (!NAMES.includes(name)) return 0;
    let offset = this.#offsets.get(name);
    if (offset === undefined) {
      const control = this.#structs.struct("tcp_congestion_ops");
      control.write("name", utf8(name));
      ({ offset } = control);
      this.#offsets.set(name, offset);
    }
    return offset;
  }

  get default(): number {
    return this.find(NAMES[0]!);
  }
}
