import { BpfAttachFlag, Errno } from "../../uapi/index.ts";
import type { AttachedStorage } from "../cgroups/attached-storage.ts";
import type { Cgroup } from "../cgroups/cgroup.ts";
import type { KernelLink } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";

/** Most programs of one type at one group (`BPF_CGROUP_MAX_PROGS`). */
const MOST = 64;

const MULTI = BpfAttachFlag.ALLOW_MULTI;
const OVERRIDE = BpfAttachFlag.ALLOW_OVERRIDE;
const { BEFORE, AFTER, PREORDER, REPLACE, ID, LINK } = BpfAttachFlag;

/** A program at a group (`struct bpf_prog_list`): of a link, or of PROG_ATTACH, whose reference the list holds. */
export interface CgroupEntry {
  readonly program: KernelProgram;
  readonly link: KernelLink | null;
  readonly flags: number;
  /** What it is attached to. */
  readonly group: Cgroup;
}

/** Programs of one attach type at one group. */
interface CgroupHook {
  entries: readonly CgroupEntry[];
  /** Whether groups below may have others in their place, or as well. */
  flags: number;
  revision: bigint;
}

/** What a new program is to be attached by. */
export interface CgroupAttachment {
  readonly program: KernelProgram;
  readonly link: KernelLink | null;
  readonly flags: number;
  /** The program that it replaces; null for none. */
  readonly replaces: KernelProgram | null;
  /** `relative_fd` or `relative_id`, as it was given: 0 where there is none and no flag says that there is. */
  readonly relativeTo: number;
  /** What that names; asked for only where it counts. */
  readonly relative: () => Pick<CgroupEntry, "program" | "link">;
  /** 0n: any. */
  readonly revision: bigint;
}

/** Programs of control groups by attach type (kernel/bpf/cgroup.c). */
export class CgroupHooks {
  readonly #hooks = new Map<Cgroup, Map<number, CgroupHook>>();
  readonly #storage: AttachedStorage;

  constructor(storage: AttachedStorage) {
    this.#storage = storage;
  }

  #hook(group: Cgroup, type: number): CgroupHook {
    let types = this.#hooks.get(group);
    if (types === undefined) {
      types = new Map();
      this.#hooks.set(group, types);
    }
    let hook = types.get(type);
    if (hook === undefined) {
      hook = { entries: [], flags: 0, revision: 1n };
      types.set(type, hook);
    }
    return hook;
  }

  /** What is attached to a group itself. */
  at(group: Cgroup, type: number): Readonly<CgroupHook> {
    return this.#hooks.get(group)?.get(type) ?? { entries: [], flags: 0, revision: 1n };
  }

  /**
   * The programs that run for a group, in their order: those that come first of all, from the root on; then its own,
   * then those of the groups above (`compute_effective_progs`).
   */
  effective(group: Cgroup, type: number): readonly CgroupEntry[] {
    const first: CgroupEntry[][] = [];
    const rest: CgroupEntry[] = [];
    let count = 0;
    for (const at of group.ancestors()) {
      const { entries, flags } = this.at(at, type);
      if (count > 0 && (flags & MULTI) === 0) continue;
      first.unshift(entries.filter((entry) => (entry.flags & PREORDER) !== 0));
      rest.push(...entries.filter((entry) => (entry.flags & PREORDER) === 0));
      count += entries.length;
    }
    return [...first.flat(), ...rest];
  }

  /** `__cgroup_bpf_attach`, with its checks in its order. */
  attach(group: Cgroup, type: number, attachment: CgroupAttachment): void {
    const { flags, replaces, program, link } = attachment;
    const saved = flags & (MULTI | OVERRIDE);
    if (saved === (MULTI | OVERRIDE) || ((flags & REPLACE) !== 0 && (flags & MULTI) === 0))
      refuse(Errno.EINVAL);
    if ((flags & REPLACE) !== 0 && (flags & (BEFORE | AFTER)) !== 0) refuse(Errno.EINVAL);
    if ((replaces !== null) !== ((flags & REPLACE) !== 0)) refuse(Errno.EINVAL);
    const hook = this.#hook(group, type);
    if (attachment.revision !== 0n && attachment.revision !== hook.revision) refuse(Errno.ESTALE);
    if (!this.#mayAttach(group, type)) refuse(Errno.EPERM);
    if (hook.entries.length > 0 && hook.flags !== saved) refuse(Errno.EPERM);
    if (hook.entries.length >= MOST) refuse(Errno.E2BIG);
    const entry: CgroupEntry = { program, link, flags, group };
    const at = findPlaceOf(hook.entries, attachment);
    this.#storage.attached(program, group, type);
    if (at >= 0) {
      const before = hook.entries[at]!;
      hook.entries = hook.entries.with(at, entry);
      hold(entry);
      letGo(before);
    } else {
      hook.entries = inserted(hook.entries, entry, attachment);
      hold(entry);
    }
    hook.flags = saved;
    hook.revision++;
  }

  /** Whether what is attached further up lets this group have programs (`hierarchy_allows_attach`). */
  #mayAttach(group: Cgroup, type: number): boolean {
    for (let at = group.parent; at !== null; at = at.parent) {
      const { entries, flags } = this.at(at, type);
      if ((flags & MULTI) !== 0) return true;
      if (entries.length === 1) return (flags & OVERRIDE) !== 0;
    }
    return true;
  }

  /** `__cgroup_bpf_detach`. @param program null where the caller named none that is one. */
  detach(
    group: Cgroup,
    type: number,
    { program, link, revision }: { program: KernelProgram | null; link: KernelLink | null; revision: bigint },
  ): void {
    const hook = this.#hook(group, type);
    if (revision !== 0n && revision !== hook.revision) refuse(Errno.ESTALE);
    const at = findToDetach(hook, program, link);
    const before = hook.entries[at]!;
    hook.entries = hook.entries.toSpliced(at, 1);
    if (hook.entries.length === 0) hook.flags = 0;
    hook.revision++;
    letGo(before);
  }

  /** Another program of a link, at the same place (`__cgroup_bpf_replace`). */
  exchange(group: Cgroup, type: number, link: KernelLink, program: KernelProgram): void {
    const hook = this.#hook(group, type);
    this.#storage.attached(program, group, type);
    hook.entries = hook.entries.map((entry) => (entry.link === link ? { ...entry, program } : entry));
    hook.revision++;
  }

  /** A group is removed: what was attached to it is not any more (`cgroup_bpf_release`). */
  removed(group: Cgroup): void {
    const types = this.#hooks.get(group);
    this.#hooks.delete(group);
    this.#storage.removed(group);
    for (const { entries } of types?.values() ?? []) for (const entry of entries) letGo(entry);
  }
}

/** A link holds its program itself. */
function hold({ program, link }: CgroupEntry): void {
  if (link === null) program.get();
}

function letGo({ program, link }: CgroupEntry): void {
  if (link === null) program.put();
}

/** `find_attach_entry`: the index of what a new program takes the place of; -1 where it is added. */
function findPlaceOf(
  entries: readonly CgroupEntry[],
  { program, link, flags, replaces }: CgroupAttachment,
): number {
  if ((flags & MULTI) === 0) return entries.length === 0 ? -1 : 0;
  const twice = (entry: CgroupEntry) =>
    link === null && entry.link === null && entry.program === program && program !== replaces;
  if (entries.some(twice)) refuse(Errno.EINVAL);
  if (replaces === null) return -1;
  const at = entries.findIndex((entry) => entry.link === null && entry.program === replaces);
  return at < 0 ? refuse(Errno.ENOENT) : at;
}

/** `find_detach_entry` */
function findToDetach(
  { entries, flags }: CgroupHook,
  program: KernelProgram | null,
  link: KernelLink | null,
): number {
  // Whoever does not know the program detaches the only one that there can be.
  if ((flags & MULTI) === 0) return entries.length === 0 ? refuse(Errno.ENOENT) : 0;
  if (program === null && link === null) refuse(Errno.EINVAL);
  const at = entries.findIndex((entry) =>
    link !== null ? entry.link === link : entry.link === null && entry.program === program,
  );
  return at < 0 ? refuse(Errno.ENOENT) : at;
}

/** `insert_pl_to_hlist`: in front of or behind the one that is named, or all of its own kind. */
function inserted(
  entries: readonly CgroupEntry[],
  entry: CgroupEntry,
  { flags, relativeTo, relative }: CgroupAttachment,
): readonly CgroupEntry[] {
  const [before, after] = [(flags & BEFORE) !== 0, (flags & AFTER) !== 0];
  const named = (flags & (LINK | ID)) !== 0 || relativeTo !== 0;
  if (named ? before === after : entries.length > 0 && before && after) refuse(Errno.EINVAL);
  if (!named) return before ? [entry, ...entries] : [...entries, entry];
  // Links have their places among links, programs among programs.
  if ((entry.link !== null) !== ((flags & LINK) !== 0)) refuse(Errno.EINVAL);
  const anchor = relative();
  const at = entries.findIndex((other) => sameEntry(other, anchor));
  if (at < 0) refuse(Errno.ENOENT);
  if (((entries[at]!.flags ^ flags) & PREORDER) !== 0) refuse(Errno.EINVAL);
  return entries.toSpliced(before ? at : at + 1, 0, entry);
}

function sameEntry(entry: CgroupEntry, { program, link }: Pick<CgroupEntry, "program" | "link">): boolean {
  return link === null ? entry.link === null && entry.program === program : entry.link === link;
}
