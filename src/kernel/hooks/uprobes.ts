import type { KernelTask } from "../tasks/task.ts";
import type { EventCall, LinkProbe } from "./event-call.ts";

/** Something that is called where an instruction of a file is passed. */
export interface UserProbe {
  readonly onReturn: boolean;
  readonly target: EventCall | LinkProbe;
  /** Whose passing counts; null: everybody's. */
  readonly watches: (task: KernelTask) => boolean;
}

/** What is attached to files that tasks run, by path and offset. */
export class UserProbes {
  readonly #sites = new Map<string, readonly UserProbe[]>();

  /** In the order in which they were registered. */
  at(path: string, offset: bigint): readonly UserProbe[] {
    return this.#sites.get(key(path, offset)) ?? [];
  }

  add(path: string, offset: bigint, probe: UserProbe): void {
    this.#sites.set(key(path, offset), [...this.at(path, offset), probe]);
  }

  remove(path: string, offset: bigint, target: EventCall | LinkProbe): void {
    const rest = this.at(path, offset).filter((probe) => probe.target !== target);
    if (rest.length === 0) this.#sites.delete(key(path, offset));
    else this.#sites.set(key(path, offset), rest);
  }
}

function key(path: string, offset: bigint): string {
  return `${path}:${offset}`;
}
