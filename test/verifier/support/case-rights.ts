import type { Capability } from "../../../src/kernel/index.ts";

/** The capabilities of whoever loads; the kernel's own root where it is `"all"`. */
export type CaseRights = "all" | readonly Capability[];

/** By number, as capset(2) has them. */
const NUMBERS: Readonly<Record<Capability, number>> = {
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  NET_ADMIN: 12,
  SYS_ADMIN: 21,
  SYSLOG: 34,
  PERFMON: 38,
  BPF: 39,
};

/** `all`, `none`, `CAP_BPF CAP_NET_ADMIN`; `bpf`: these two. */
export function readRights(text: string): CaseRights {
  if (text === "all") return "all";
  if (text === "none") return [];
  if (text === "bpf") return ["BPF", "NET_ADMIN"];
  return text.split(/[\s,]+/).map((word) => {
    const name = word.replace(/^CAP_/, "");
    if (name in NUMBERS && word !== name) return name as Capability;
    throw new Error(`expected the rights 'all', 'none', 'bpf' or capabilities like CAP_BPF, got '${word}'`);
  });
}

export function hasRight(rights: CaseRights, capability: Capability): boolean {
  return (
    rights === "all" ||
    rights.includes(capability) ||
    (capability !== "SYSLOG" && rights.includes("SYS_ADMIN"))
  );
}

/** Without CAP_BPF programs load only where kernel.unprivileged_bpf_disabled is 0. */
export function isUnprivileged(rights: CaseRights): boolean {
  return !hasRight(rights, "BPF");
}

export function capabilityNumbers(rights: readonly Capability[]): number[] {
  return rights.map((name) => NUMBERS[name]);
}
