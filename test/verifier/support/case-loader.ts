import { readFileSync } from "node:fs";
import type { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { type BpfCommands, progInfo } from "../../../src/sys/index.ts";
import type { WithCapabilities } from "../../support/live-port.ts";
import { type CaseRights, capabilityNumbers, isUnprivileged } from "./case-rights.ts";

const SYSCTL = "/proc/sys/kernel/unprivileged_bpf_disabled";

/** Someone with certain rights on a kernel, who makes the maps of cases and loads their programs. */
export interface CaseLoader {
  readonly sys: BpfCommands;
  /** Runs what must not have more rights than that. */
  act<T>(what: () => T): T;
  /** A program after fixups, as its loader's descriptor shows it. */
  xlated(fd: number): Uint8Array;
}

/** The loaders of a kernel, by their rights. */
export interface CaseLoaders {
  /** Null where this kernel lets nobody load with such rights. */
  with(rights: CaseRights): CaseLoader | null;
}

function xlatedOf(sys: BpfCommands, fd: number): Uint8Array {
  return progInfo(sys, fd, ["xlatedProgInsns"]).xlatedProgInsns;
}

/** Threads of this process, which give up capabilities for a while. */
export function liveLoaders(sys: BpfCommands, withCapabilities: WithCapabilities): CaseLoaders {
  return {
    with(rights) {
      if (isUnprivileged(rights) && !unprivilegedMayLoad()) return null;
      return {
        sys,
        act: (what) => (rights === "all" ? what() : withCapabilities(capabilityNumbers(rights), what)),
        xlated: (fd) => xlatedOf(sys, fd),
      };
    },
  };
}

export function unprivilegedMayLoad(): boolean {
  return readFileSync(SYSCTL, "utf8").trim() === "0";
}

/** Processes of an embedded kernel that lets anyone load. */
export function embeddedLoaders(kernel: EmbeddedKernel): CaseLoaders {
  const known = new Map<string, CaseLoader>();
  const make = (rights: CaseRights): CaseLoader => {
    const sys = rights === "all" ? kernel : kernel.process({ caps: rights });
    return { sys, act: (what) => what(), xlated: (fd) => shown(sys, fd) };
  };
  /** Who may not load all programs is not shown their code either: its own process asks the kernel's first one. */
  const shown = (sys: BpfCommands, fd: number): Uint8Array => {
    const own = xlatedOf(sys, fd);
    if (own.length > 0) return own;
    const { id } = progInfo(sys, fd);
    const other = kernel.progGetFdById({ id });
    try {
      return xlatedOf(kernel, other);
    } finally {
      kernel.close(other);
    }
  };
  return {
    with(rights) {
      const key = rights === "all" ? rights : rights.join();
      const loader = known.get(key) ?? make(rights);
      known.set(key, loader);
      return loader;
    },
  };
}
