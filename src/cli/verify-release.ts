import { lookup, slotsOf } from "../isa/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import {
  attachTypeSince,
  hasSince,
  helperSince,
  instructionSince,
  isKfunc,
  type KernelRelease,
  mapFlagSince,
  mapTypeSince,
  programFlagSince,
  programTypeSince,
} from "../platform/index.ts";
import { attachTypeNames, BpfMapFlag, BpfProgFlag, mapTypeNames, progTypeNames } from "../uapi/index.ts";
import { helperText } from "./helper-names.ts";

/** What a program uses and a release does not have, each once: `"bpf_cgrp_storage_get is not in Linux 6.1 (since 6.2)"`. */
export function missingIn(release: KernelRelease, spec: ObjectSpec, program: ProgramSpec): readonly string[] {
  const found = new Set<string>();
  const look = (what: string, since: string | null, verb = "is") => {
    if (!hasSince(release, since)) found.add(`${what} ${verb} not in Linux ${release} (since ${since})`);
  };
  const { type, attachType, flags } = program.kind;
  look(`programs of type ${progTypeNames[type]}`, programTypeSince(type), "are");
  if (found.size === 0 && attachType !== null) {
    look(`the attach type ${attachTypeNames[attachType]}`, attachTypeSince(attachType));
  }
  lookAtFlags(look, "BPF_F", BpfProgFlag, flags, programFlagSince);
  for (const reference of program.references) {
    if (reference.kind === "map" || reference.kind === "mapValue") {
      const map = spec.maps.get(reference.map);
      if (map === undefined) continue;
      look(`maps of type ${mapTypeNames[map.type]}`, mapTypeSince(map.type), "are");
      lookAtFlags(look, "BPF_F", BpfMapFlag, map.flags, mapFlagSince);
    } else if (reference.kind === "extern") {
      const { name, kind, weak } = spec.externs[reference.extern]!;
      if (kind !== "ksymFunction" || weak || isKfunc(name, release) || !isKfunc(name, "6.18")) continue;
      found.add(`${name} is not in Linux ${release} (6.18 has it)`);
    }
  }
  lookAtInstructions(look, program);
  return [...found];
}

type Look = (what: string, since: string | null, verb?: string) => void;

function lookAtFlags(
  look: Look,
  prefix: string,
  names: { readonly [name: string]: number },
  flags: number,
  since: (flag: number) => string | null,
): void {
  for (const [name, flag] of Object.entries(names)) {
    if ((flags & flag) !== 0) look(`the flag ${prefix}_${name}`, since(flag));
  }
}

function lookAtInstructions(look: Look, { insns }: ProgramSpec): void {
  for (let slot = 0; slot < insns.length; slot += slotsOf(insns[slot]!)) {
    const insn = insns[slot]!;
    const row = lookup(insn);
    if (row === undefined) continue;
    if (row.name === "call_helper") look(`${helperText(insn.imm)}`, helperSince(insn.imm) ?? null);
    else look(`the instruction ${row.name}`, instructionSince(row));
  }
}
