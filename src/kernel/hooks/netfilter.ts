import { Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import { refuse } from "../refusal.ts";

/** A netfilter program in its place. */
export interface NetfilterEntry {
  readonly link: KernelLink;
  readonly priority: number;
}

/** Most programs at one hook (`MAX_HOOK_COUNT`). */
const MOST = 1024;

/** Netfilter programs of one namespace, by protocol family and hook, in the order of their priority. */
export class NetfilterHooks {
  readonly #entries = new Map<string, readonly NetfilterEntry[]>();

  at(family: number, hook: number): readonly NetfilterEntry[] {
    return this.#entries.get(`${family}/${hook}`) ?? [];
  }

  /** `nf_hook_entries_grow`: no two programs have one priority. EBUSY, E2BIG. */
  attach(family: number, hook: number, entry: NetfilterEntry): void {
    const there = this.at(family, hook);
    if (there.length >= MOST) refuse(Errno.E2BIG);
    if (there.some(({ priority }) => priority === entry.priority)) refuse(Errno.EBUSY);
    const all = [...there, entry].sort((one, other) => one.priority - other.priority);
    this.#entries.set(`${family}/${hook}`, all);
  }

  detach(family: number, hook: number, link: KernelLink): void {
    const rest = this.at(family, hook).filter((entry) => entry.link !== link);
    this.#entries.set(`${family}/${hook}`, rest);
  }
}
