import { BpfAttachFlag, Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";

/** Most programs at one hook (`bpf_mprog_max`). */
const MOST = 63;

/** A program in a chain, with the link that put it there; null for PROG_ATTACH, whose reference the chain holds. */
export interface ChainEntry {
  readonly program: KernelProgram;
  readonly link: KernelLink | null;
}

/** Where a program is to go: flags, and the one it is relative to. */
export interface ChainPlace {
  readonly flags: number;
  /** What `relative_fd` or `relative_id` name, looked up when it counts; null where they name none. */
  readonly relative: () => ChainEntry | null;
  /** What the chain's revision has to be; 0n: any. */
  readonly revision: bigint;
}

/**
 * Programs at one hook in the order in which they run, which attachers choose relative to each other
 * (kernel/bpf/mprog.c).
 */
export class ProgramChain {
  #entries: readonly ChainEntry[] = [];
  #revision = 1n;

  get entries(): readonly ChainEntry[] {
    return this.#entries;
  }

  get revision(): bigint {
    return this.#revision;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** `bpf_mprog_attach`: ESTALE, EEXIST, ENOENT, EBUSY, ERANGE, EINVAL. @param old what it replaces. */
  attach(entry: ChainEntry, place: ChainPlace, old: KernelProgram | null): void {
    const { flags } = place;
    this.#checkRevision(place);
    if (this.#entries.some(({ program }) => program === entry.program)) refuse(Errno.EEXIST);
    const relative = place.relative();
    let index: number | null = null;
    if ((flags & BpfAttachFlag.REPLACE) !== 0) index = this.#exactly(old, entry.link);
    else if (this.size === MOST) refuse(Errno.ERANGE);
    index = this.#relatively(index, flags, relative);
    let at = index;
    if (at === null) {
      if (relative !== null || flags !== 0) refuse(Errno.EINVAL);
      at = this.size;
    }
    const replaces = (flags & BpfAttachFlag.REPLACE) !== 0;
    // In front of what is behind the place that was found.
    if (!replaces && index !== null && index !== this.size && (flags & BpfAttachFlag.BEFORE) !== 0) at++;
    const before = replaces ? this.#entries[at] : undefined;
    this.#entries = this.#entries.toSpliced(at, replaces ? 1 : 0, entry);
    if (entry.link === null) entry.program.get();
    if (before?.link === null) before.program.put();
    this.#revision++;
  }

  /** `bpf_mprog_detach`. @param program the one to go, or null for the one at the place. */
  detach(program: KernelProgram | null, link: KernelLink | null, place: ChainPlace): void {
    const { flags } = place;
    if ((flags & BpfAttachFlag.REPLACE) !== 0) refuse(Errno.EINVAL);
    this.#checkRevision(place);
    if (this.size === 0) refuse(Errno.ENOENT);
    const relative = place.relative();
    let index = program === null ? null : this.#exactly(program, link);
    index = this.#relatively(index, flags, relative);
    if (index === null) {
      if (relative !== null || flags !== 0) refuse(Errno.EINVAL);
      index = this.size;
    }
    const at = Math.min(Math.max(index, 0), this.size - 1);
    const entry = this.#entries[at]!;
    // What a link has put there only the link takes away.
    if (entry.link !== null && link === null) refuse(Errno.EBUSY);
    this.#entries = this.#entries.toSpliced(at, 1);
    if (entry.link === null) entry.program.put();
    this.#revision++;
  }

  /** Another program of a link, at the same place. */
  exchange(link: KernelLink, program: KernelProgram): void {
    if (this.#entries.some((entry) => entry.program === program)) refuse(Errno.EEXIST);
    this.#entries = this.#entries.map((entry) => (entry.link === link ? { program, link } : entry));
    this.#revision++;
  }

  #checkRevision({ revision }: ChainPlace): void {
    if (revision !== 0n && revision !== this.#revision) refuse(Errno.ESTALE);
  }

  /** `bpf_mprog_pos_exact` */
  #exactly(program: KernelProgram | null, link: KernelLink | null): number {
    const index = this.#entries.findIndex((entry) => entry.program === program);
    if (index < 0) refuse(Errno.ENOENT);
    return this.#entries[index]!.link === link ? index : refuse(Errno.EBUSY);
  }

  /** The place that BPF_F_BEFORE and BPF_F_AFTER name; it must be the one found already, if one was. */
  #relatively(found: number | null, flags: number, relative: ChainEntry | null): number | null {
    let index = found;
    const take = (place: number) => {
      if (index !== null && index !== place) refuse(Errno.ERANGE);
      index = place;
    };
    if ((flags & BpfAttachFlag.BEFORE) !== 0) take(relative === null ? -1 : this.#position(relative) - 1);
    if ((flags & BpfAttachFlag.AFTER) !== 0)
      take(relative === null ? this.size : this.#position(relative) + 1);
    return index;
  }

  #position({ program, link }: ChainEntry): number {
    const index = this.#entries.findIndex(
      (entry) => entry.program === program && (link === null || entry.link === link),
    );
    return index < 0 ? refuse(Errno.ENOENT) : index;
  }
}
