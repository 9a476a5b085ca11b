import { accessText } from "../btf/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import type { ProgramFacts } from "../verifier/index.ts";

/** Of a map's name the kernel keeps so many (`BPF_OBJ_NAME_LEN`, less the NUL). */
const MAP_NAME_LETTERS = 15;

/** What an object file says of a program that no log does. */
export function programFacts({ btf, externs, maps }: ObjectSpec, program: ProgramSpec): ProgramFacts {
  const { kind, sectionName, funcInfo, coreRelocations, references } = program;
  return {
    type: kind.type,
    section: sectionName,
    functions: funcInfo.map(({ slot, typeId }) => ({ slot, name: btf?.name(typeId) ?? "" })),
    mapTypes: new Map([...maps.values()].map(({ name, type }) => [name.slice(0, MAP_NAME_LETTERS), type])),
    relocations: new Map([
      ...references.flatMap((each): [number, string][] =>
        each.kind === "extern" ? [[each.slot, externs[each.extern]?.name ?? ""]] : [],
      ),
      ...(btf === null
        ? []
        : coreRelocations.map((each): [number, string] => [each.slot, accessText(btf, each)])),
    ]),
  };
}
