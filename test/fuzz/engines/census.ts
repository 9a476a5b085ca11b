import { CallKind, type Insn, lookup, WideKind } from "../../../src/isa/index.ts";
import { BpfFuncId } from "../../../src/uapi/index.ts";
import { KFUNCS } from "./kfuncs.ts";
import { allOf, type FuzzProgram, MAPS } from "./program.ts";

const HELPERS: ReadonlyMap<number, string> = new Map(
  Object.entries(BpfFuncId).map(([name, id]): [number, string] => [id, name]),
);

/** What a program has that not every one has, each once: maps, helpers, kfuncs and kinds of instructions by name. */
export function featuresOf(program: FuzzProgram): ReadonlySet<string> {
  const found = new Set<string>();
  if (program.type === "syscall") found.add("program: of a system call");
  if (program.tails.length > 0) found.add("program: others to go to");
  for (const { insns, catcher } of allOf(program)) {
    if (catcher !== 0) found.add("program: catches what it throws");
    for (const insn of insns) {
      const feature = featureOf(insn);
      if (feature !== null) found.add(feature);
    }
  }
  return found;
}

function featureOf(insn: Insn): string | null {
  const row = lookup(insn);
  const { src, imm } = insn;
  switch (row?.kind) {
    case "wide":
      return src === WideKind.mapFd || src === WideKind.mapValue ? `map: ${MAPS[imm]?.name}` : null;
    case "call":
      if (src === CallKind.helper) return `helper: ${HELPERS.get(imm) ?? imm}`;
      return src === CallKind.kfunc ? `kfunc: ${KFUNCS[imm]}` : "insn: local call";
    case "atomic":
    case "loadAcquire":
    case "storeRelease":
    case "mayGoto":
    case "cast":
      return `insn: ${row.kind}`;
    default:
      return null;
  }
}
