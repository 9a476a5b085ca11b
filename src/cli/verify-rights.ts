import type { ProgramSpec } from "../object/index.ts";
import { needsBpf, needsNetAdmin, needsPerfmon } from "../platform/index.ts";
import { progTypeNames } from "../uapi/index.ts";

/** What whoever loads a program lacks for its type: `"programs of type xdp need CAP_NET_ADMIN"`; null for nothing. */
export function lackedRights({ kind }: ProgramSpec, rights: readonly string[]): string | null {
  const lacked: string[] = [];
  const need = (capability: string) => {
    if (!rights.includes(capability) && !rights.includes("SYS_ADMIN")) lacked.push(`CAP_${capability}`);
  };
  if (needsBpf(kind.type)) need("BPF");
  if (needsNetAdmin(kind.type)) need("NET_ADMIN");
  if (needsPerfmon(kind.type)) need("PERFMON");
  return lacked.length === 0
    ? null
    : `programs of type ${progTypeNames[kind.type]} need ${lacked.join(" and ")}`;
}
