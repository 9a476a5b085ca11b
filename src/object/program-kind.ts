import { matchSection } from "../platform/index.ts";
import { BpfProgFlag, BpfProgType } from "../uapi/index.ts";
import type { ProgramKind } from "./spec.ts";

/** Programs of sections whose names say nothing: an error, but only where they are loaded. */
const UNKNOWN: ProgramKind = {
  type: BpfProgType.UNSPEC,
  attachType: null,
  flags: 0,
  attachTarget: null,
  definition: null,
  needsAttachBtf: false,
};

/** What a section's name says about the programs in it; a `?` before it says nothing about that. */
export function programKind(sectionName: string): ProgramKind {
  const match = matchSection(sectionName.startsWith("?") ? sectionName.slice(1) : sectionName);
  if (match === null) return UNKNOWN;
  const { definition, target } = match;
  return {
    type: definition.type,
    attachType: definition.attachType,
    flags:
      (definition.sleepable ? BpfProgFlag.SLEEPABLE : 0) |
      (definition.xdpFrags ? BpfProgFlag.XDP_HAS_FRAGS : 0),
    attachTarget: target,
    definition: definition.pattern,
    needsAttachBtf: definition.attachBtf,
  };
}
