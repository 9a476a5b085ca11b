import { TsbpfError } from "../base/index.ts";
import { CORE_RELO_NAMES, type CoreResolver } from "../btf/index.ts";
import type { Insn } from "../isa/index.ts";
import { patchAt } from "./core-patch.ts";
import type { ProgramSpec } from "./spec.ts";

/**
 * A program's slots with its CO-RE relocations applied; the spec stays as it is.
 *
 * `resolver` is `new CoreResolver(spec.btf, targets)`, one for all programs of an object. What a target lacks poisons
 * the instruction, as libbpf does: the verifier refuses it where it can be reached. Throws TsbpfError for a relocation
 * that contradicts its instruction, or is ambiguous.
 */
export function relocateCore(program: ProgramSpec, resolver: Pick<CoreResolver, "resolve">): Insn[] {
  const insns = [...program.insns];
  for (const { slot, typeId, access, kind } of program.coreRelocations) {
    if (insns[slot] === undefined) continue;
    const problem = patchAt(insns, slot, resolver.resolve({ typeId, access, kind }));
    if (problem !== null) {
      throw new TsbpfError(
        `program ${program.name}: slot ${slot}: CO-RE relocation ${CORE_RELO_NAMES[kind] ?? kind}: ${problem}`,
      );
    }
  }
  return insns;
}
