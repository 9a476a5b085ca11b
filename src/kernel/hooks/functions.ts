import { type Btf, BtfKind } from "../../btf/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import { refuse } from "../refusal.ts";
import type { EventCall, LinkProbe } from "./event-call.ts";

/** Something that is called where a function is passed. */
export interface FunctionProbe {
  /** From the start of the function, in bytes. */
  readonly offset: number;
  readonly onReturn: boolean;
  /** Its program is one of sessions: unless it is `onReturn`, it runs at the entry, and at the return if it wants to. */
  readonly session?: boolean;
  readonly target: EventCall | LinkProbe;
}

const WORD = 8;

/** When a program of a trampoline runs. */
export type TrampolineKind = "entry" | "modify" | "exit";

/** Most programs of one trampoline (`BPF_MAX_TRAMP_LINKS` on x86-64). */
const MOST_TRAMPOLINE_LINKS = 38;

/** What is attached to one function of the kernel. */
export class FunctionSite {
  readonly name: string;
  /** In the order in which they were registered. */
  probes: readonly FunctionProbe[] = [];
  /** In the order in which they run: the last that was attached is the first (`hlist_add_head`). */
  readonly trampoline: Record<TrampolineKind, readonly LinkProbe[]> = {
    entry: [],
    modify: [],
    exit: [],
  };

  constructor(name: string) {
    this.name = name;
  }

  add(probe: FunctionProbe): void {
    this.probes = [...this.probes, probe];
  }

  remove(target: EventCall | LinkProbe): void {
    this.probes = this.probes.filter((probe) => probe.target !== target);
  }

  /** `bpf_trampoline_link_prog`: E2BIG, EBUSY where the program is there already. */
  link(kind: TrampolineKind, probe: LinkProbe): void {
    const { entry, modify, exit } = this.trampoline;
    if (entry.length + modify.length + exit.length >= MOST_TRAMPOLINE_LINKS) refuse(Errno.E2BIG);
    const there = this.trampoline[kind];
    if (there.some(({ link }) => link.program === probe.link.program)) refuse(Errno.EBUSY);
    this.trampoline[kind] = [probe, ...there];
  }

  unlink(link: KernelLink): void {
    for (const kind of ["entry", "modify", "exit"] as const)
      this.trampoline[kind] = this.trampoline[kind].filter((probe) => probe.link !== link);
  }

  get isEmpty(): boolean {
    const { entry, modify, exit } = this.trampoline;
    return this.probes.length + entry.length + modify.length + exit.length === 0;
  }
}

/** Functions of the kernel that something is attached to, by name. */
export class Functions {
  readonly #btf: Btf;
  readonly #sites = new Map<string, FunctionSite>();
  #described: boolean | undefined;

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** Whether the kernel has a function: one that its types describe. Where they describe none, any that has a name. */
  has(name: string): boolean {
    // Types that describe any function describe this one.
    this.#described ??= this.#btf.findByName("vfs_read", BtfKind.FUNC) !== 0;
    return this.#described ? this.#btf.findByName(name, BtfKind.FUNC) !== 0 : name !== "";
  }

  /**
   * How many words the arguments of a function take (`get_ctx_arg_idx`): structs of more than 8 bytes two.
   *
   * @returns null where the types do not describe it.
   */
  argumentWords(name: string): number | null {
    const id = this.#btf.findByName(name, BtfKind.FUNC);
    if (id === 0) return null;
    const proto = this.#btf.type(this.#btf.ref(id));
    if (proto.kind !== "FUNC_PROTO") return null;
    return proto.params.reduce((sum, { type }) => sum + (this.#btf.sizeOf(type) > WORD ? 2 : 1), 0);
  }

  /** What is attached to a function: nothing, at first. */
  site(name: string): FunctionSite {
    let site = this.#sites.get(name);
    if (site === undefined) {
      site = new FunctionSite(name);
      this.#sites.set(name, site);
    }
    return site;
  }

  /** As {@link site}, where something is attached. */
  find(name: string): FunctionSite | undefined {
    const site = this.#sites.get(name);
    return site === undefined || site.isEmpty ? undefined : site;
  }
}
