import { assemble } from "../../../src/asm/index.ts";
import { CompileError, renderDiagnostic } from "../../../src/base/index.ts";
import { CallKind, encode, type Insn, isWide, rowNamed, WideKind } from "../../../src/isa/index.ts";
import { helperName } from "../../../src/uapi/index.ts";
import type { CTypes } from "./c-types.ts";
import type { CaseReference } from "./verifier-case.ts";

const HELPER_IDS = new Map<string, number>();
for (let id = 1; helperName(id) !== undefined; id++) HELPER_IDS.set(`bpf_${helperName(id)}`, id);

const CALL = rowNamed("call_kfunc").opcode;
const MOVE = rowNamed("mov64_k").opcode;
/** Stands for the id of a kernel type until the references are taken out. */
const KERNEL_TYPE = 0x7eed_0000;

export interface CaseProgram {
  readonly insns: readonly Insn[];
  readonly references: readonly CaseReference[];
  readonly labels: ReadonlyMap<string, number>;
  /** For each slot, the line in the text (from 0). */
  readonly lines: readonly number[];
}

/**
 * Assembles the code of a case: `pseudoc`, and on top of it
 * - `%name` for a map, `%name[0]+8` for its value,
 * - `call kfunc NAME`, `r1 = variable NAME` and `r2 = kernel_typeid(struct NAME)` by the kernel's names,
 * - `typeid(struct NAME)` and `sizeof(struct NAME)` of the case's types,
 * - `.rept N` … `.endr`; `\@` in between counts from 0.
 */
export function assembleCase(text: string, maps: readonly string[], types: CTypes | null): CaseProgram {
  const kfuncs: string[] = [];
  const variables: string[] = [];
  const kernelTypes: string[] = [];
  const index = (list: string[], name: string) => {
    if (!list.includes(name)) list.push(name);
    return list.indexOf(name);
  };
  const own = () => {
    if (types === null) throw new Error("the case has no types");
    return types;
  };
  const lowered = unrolled(text.split("\n"))
    .map((line) =>
      line
        .replaceAll(/%([A-Za-z_]\w*)/g, (_, name) => {
          if (!maps.includes(name)) throw new Error(`there is no map '${name}'`);
          return `map[id:${maps.indexOf(name)}]`;
        })
        .replaceAll(/call kfunc (\w+)/g, (_, name) => `call kfunc(${index(kfuncs, name)})`)
        .replaceAll(/= variable (\w+)/g, (_, name) => `= btf[id:${index(variables, name)}]`)
        .replaceAll(
          /\bkernel_typeid\(([\w ]+)\)/g,
          (_, name) => `${KERNEL_TYPE + index(kernelTypes, name.trim())}`,
        )
        .replaceAll(/\btypeid\(([\w ]+)\)/g, (_, name) => `${own().id(name.trim())}`)
        .replaceAll(/\bsizeof\(([\w ]+)\)/g, (_, name) => `${own().sizeOf(name.trim())}`),
    )
    .join("\n");
  const { insns, labels, spans, source } = assembled(lowered);
  const references: CaseReference[] = [];
  const taken = insns.map((insn, slot): Insn => {
    if (isWide(insn)) {
      if (insn.src === WideKind.mapFd || insn.src === WideKind.mapValue) {
        references.push({ kind: "map", slot, map: insn.imm });
        return { ...insn, imm: 0 };
      }
      if (insn.src === WideKind.btfId) {
        references.push({ kind: "variable", slot, name: variables[insn.imm]! });
        return { ...insn, imm: 0 };
      }
    }
    if (insn.opcode === CALL && insn.src === CallKind.kfunc) {
      const name = kfuncs[insn.imm];
      if (name === undefined) return insn;
      references.push({ kind: "kfunc", slot, name });
      return { ...insn, imm: 0 };
    }
    if (insn.opcode === MOVE && kernelTypes[insn.imm - KERNEL_TYPE] !== undefined) {
      references.push({ kind: "kernelType", slot, name: kernelTypes[insn.imm - KERNEL_TYPE]! });
      return { ...insn, imm: 0 };
    }
    return insn;
  });
  const lines = spans.map(({ start }) => source.position(start).line - 1);
  return { insns: taken, references, labels, lines };
}

/** Bytes of a small program without references of its own but to map 0: what a program array holds. */
export function assembleEntry(
  text: string,
  map: string,
): { readonly insns: Uint8Array; readonly self: readonly number[] } {
  const { insns, references } = assembleCase(text, [map], null);
  return { insns: encode(insns), self: references.map(({ slot }) => slot) };
}

function assembled(text: string) {
  try {
    return assemble(text, { helperId: (name) => HELPER_IDS.get(name), name: "code" });
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const [first] = error.diagnostics;
    throw new Error(first === undefined ? error.message : renderDiagnostic(error.source, first));
  }
}

function unrolled(lines: readonly string[]): string[] {
  const result: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const open = /^\s*\.rept\s+(\d+)\s*$/.exec(lines[at]!);
    if (open === null) {
      result.push(lines[at]!);
      continue;
    }
    const start = at + 1;
    let depth = 1;
    while (depth > 0) {
      at++;
      if (at >= lines.length) throw new Error("'.rept' has no '.endr'");
      if (/^\s*\.rept\s/.test(lines[at]!)) depth++;
      else if (/^\s*\.endr\s*$/.test(lines[at]!)) depth--;
    }
    const body = lines.slice(start, at);
    for (let count = 0; count < Number(open[1]); count++) {
      result.push(...unrolled(body.map((line) => line.replaceAll("\\@", String(count)))));
    }
  }
  return result;
}
