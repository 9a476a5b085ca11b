import { accessText } from "../btf/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import type { ProgramFacts } from "../verifier/index.ts";

/** What an object file says of a program that no log does. */
export function programFacts({ btf }: ObjectSpec, program: ProgramSpec): ProgramFacts {
  const { kind, sectionName, funcInfo, coreRelocations } = program;
  return {
    type: kind.type,
    section: sectionName,
    functions: funcInfo.map(({ slot, typeId }) => ({ slot, name: btf?.name(typeId) ?? "" })),
    relocations: new Map(
      btf === null ? [] : coreRelocations.map((relocation) => [relocation.slot, accessText(btf, relocation)]),
    ),
  };
}
