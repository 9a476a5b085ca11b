import { assemble } from "../../../src/asm/index.ts";
import { BpfFuncId } from "../../../src/uapi/index.ts";
import { checkCfg } from "../../../src/verifier/program/cfg.ts";
import { computePostorder } from "../../../src/verifier/program/postorder.ts";
import { checkSubprogs } from "../../../src/verifier/program/subprograms.ts";
import { addSubprogramsAndKfuncs } from "../../../src/verifier/program/subprograms-and-kfuncs.ts";
import { type Case, type CaseOptions, verification } from "../calls/support.ts";

const HELPER_IDS: ReadonlyMap<string, number> = new Map(
  Object.entries(BpfFuncId).map(([name, id]) => [`bpf_${name}`, id]),
);

/** A verification of a program given as text, before anything was looked at. */
export function ofText(text: string, options: Omit<CaseOptions, "insns"> = {}): Case {
  const { insns } = assemble(text, { helperId: (name) => HELPER_IDS.get(name) });
  const test = verification({ ...options, insns });
  test.env.subprograms = [];
  return test;
}

/** Finds subprograms, checks the control flow and orders it. */
export function walk({ env }: Case): void {
  addSubprogramsAndKfuncs(env);
  checkSubprogs(env);
  checkCfg(env);
  computePostorder(env);
}

/** The same of a program that is in order. */
export function walked(text: string, options: Omit<CaseOptions, "insns"> = {}): Case {
  const test = ofText(text, options);
  walk(test);
  return test;
}
