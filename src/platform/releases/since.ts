import type { InsnRow } from "../../isa/index.ts";
import {
  BpfAttachType as A,
  BpfProgFlag as F,
  BpfMapFlag as G,
  BpfMapType as M,
  BpfProgType as P,
} from "../../uapi/index.ts";
import { compareReleases } from "../helpers/since.ts";
import type { KernelRelease } from "./release.ts";

/** The last number of an enum that each release has, from the oldest that is described here on. Numbers are given out in order. */
type Last = readonly (readonly [release: string, last: number])[];

const PROGRAM_TYPES: Last = [
  ["6.1", P.SYSCALL],
  ["6.4", P.NETFILTER],
];

const ATTACH_TYPES: Last = [
  ["6.1", A.LSM_CGROUP],
  ["6.4", A.NETFILTER],
  ["6.6", A.TRACE_UPROBE_MULTI],
  ["6.7", A.NETKIT_PEER],
  ["6.10", A.TRACE_KPROBE_SESSION],
  ["6.13", A.TRACE_UPROBE_SESSION],
];

const MAP_TYPES: Last = [
  ["6.1", M.USER_RINGBUF],
  ["6.2", M.CGRP_STORAGE],
  ["6.9", M.ARENA],
];

const PROGRAM_FLAGS: Last = [
  ["6.1", F.XDP_HAS_FRAGS],
  ["6.3", F.XDP_DEV_BOUND_ONLY],
  ["6.8", F.TEST_REG_INVARIANTS],
  ["6.9", F.TOKEN_FD],
];

const MAP_FLAGS: Last = [
  ["6.1", G.INNER_MAP],
  ["6.4", G.LINK],
  ["6.5", G.PATH_FD],
  ["6.9", G.NO_USER_CONV],
];

function sinceOf(list: Last, value: number): string | null {
  const index = list.findIndex(([, last]) => value <= last);
  return index <= 0 ? null : list[index]![0];
}

/**
 * The release that brought a type of programs, a value of `BpfProgType`: `"6.4"`; null where 6.1 has it, or none.
 * So the others here.
 */
export function programTypeSince(type: number): string | null {
  return sinceOf(PROGRAM_TYPES, type);
}

/** @param type a value of `BpfAttachType` */
export function attachTypeSince(type: number): string | null {
  return sinceOf(ATTACH_TYPES, type);
}

/** @param type a value of `BpfMapType` */
export function mapTypeSince(type: number): string | null {
  return sinceOf(MAP_TYPES, type);
}

/** @param flag one bit of `BpfProgFlag` */
export function programFlagSince(flag: number): string | null {
  return sinceOf(PROGRAM_FLAGS, flag);
}

/** @param flag one bit of `BpfMapFlag` */
export function mapFlagSince(flag: number): string | null {
  return sinceOf(MAP_FLAGS, flag);
}

/** The release that lets programs hold an instruction; null where 6.1 has it. */
export function instructionSince(row: InsnRow): string | null {
  switch (row.kind) {
    case "loadAcquire":
    case "storeRelease":
      return "6.15";
    case "mayGoto":
    case "cast":
      return "6.9";
    case "goto":
      // The long jump of 6.6 was given to 6.1 by its maintainers: 6.1.192 has it.
      return null;
    default:
      // Version 4 of the instruction set.
      return row.version === 4 ? "6.6" : null;
  }
}

/** Whether a release has what came with `since`. */
export function hasSince(release: KernelRelease, since: string | null): boolean {
  return since === null || compareReleases(since, release) <= 0;
}

/** All bits of flags that a release knows. */
export function knownFlags(
  flags: { readonly [name: string]: number },
  since: (flag: number) => string | null,
  release: KernelRelease,
): number {
  let known = 0;
  for (const flag of Object.values(flags)) if (hasSince(release, since(flag))) known |= flag;
  return known;
}
