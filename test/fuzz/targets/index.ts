import type { Target } from "../target.ts";
import { pseudocText, ubpfText } from "./asm.ts";
import { btf, splitTypes } from "./btf.ts";
import { btfExt, core } from "./btf-ext.ts";
import { capture } from "./capture.ts";
import { classic, classicText } from "./classic.ts";
import { elf } from "./elf.ts";
import { fixups } from "./fixups.ts";
import { insns } from "./insns.ts";
import { kernelTarget } from "./kernel.ts";
import { linked, written } from "./link.ts";
import { object } from "./object.ts";
import { soundness } from "./soundness.ts";
import { vm } from "./vm.ts";
import { wasm } from "./wasm.ts";

/** All targets, in the order in which they take turns. */
export const TARGETS: readonly Target[] = [
  elf,
  btf,
  splitTypes,
  btfExt,
  core,
  pseudocText,
  ubpfText,
  classicText,
  insns,
  classic,
  fixups,
  object,
  linked,
  written,
  vm,
  kernelTarget(),
  soundness,
  capture,
  wasm,
];

/** The target of that name. */
export function targetNamed(name: string): Target | undefined {
  return TARGETS.find((target) => target.name === name);
}
