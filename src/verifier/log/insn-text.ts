import { disasm, trimmedSource } from "../../asm/index.ts";
import { hex64 } from "../../base/index.ts";
import { CallKind, type Insn, WideKind } from "../../isa/index.ts";
import { helperName } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { kfuncKey } from "../environment/kfunc-description.ts";
import type { SourceRecord } from "../environment/request.ts";

/** An instruction as the log has it: `(b7) r0 = 0` (`verbose_insn`). */
export function insnText(env: Environment, slot: number): string {
  return disasm(env.insns, slot, {
    helperName: (id) => {
      const name = helperName(id);
      return name === undefined ? undefined : `bpf_${name}`;
    },
    callName: (insn) => (insn.src === CallKind.kfunc ? kfuncName(env, insn) : undefined),
    immText: (insn, _next, _imm, at) => {
      const address = loadedAddress(env, insn, at);
      return address === null ? undefined : hex64(address);
    },
  });
}

/** `disasm_kfunc_name`; a call that names nothing has the name of void. */
function kfuncName(env: Environment, insn: Insn): string {
  if (insn.imm === 0 && insn.off === 0) return "";
  return env.kfuncs.get(kfuncKey(insn.imm, insn.off))?.name ?? "<error>";
}

/** What a wide load gives once descriptors and ids are resolved; null where it is the immediate itself. */
function loadedAddress(env: Environment, insn: Insn, slot: number): bigint | null {
  const aux = env.aux[slot]!;
  switch (insn.src) {
    case WideKind.mapFd:
    case WideKind.mapIdx:
      if (aux.map === null) return null;
      return env.allowPtrLeaks ? aux.map.address : 0n;
    case WideKind.mapValue:
    case WideKind.mapIdxValue:
      if (aux.map === null) return null;
      return env.allowPtrLeaks ? aux.map.valueAddress + BigInt(aux.mapOffset) : 0n;
    case WideKind.btfId:
      return aux.variable?.address ?? null;
    default:
      return null;
  }
}

/** Writes the instruction and its line break. */
export function verboseInsn(env: Environment, slot: number): void {
  if (env.log.enabled) env.log.write(`${insnText(env, slot)}\n`);
}

/** The record that a slot belongs to: the last one at or before it (`find_linfo`). */
export function findLine(env: Environment, slot: number): SourceRecord | null {
  const lines = env.debug?.lines ?? [];
  if (lines.length === 0 || slot >= env.insns.length) return null;
  let low = 0;
  let high = lines.length - 1;
  while (low < high) {
    const middle = low + ((high - low + 1) >> 1);
    if (lines[middle]!.slot <= slot) low = middle;
    else high = middle - 1;
  }
  return lines[low]!;
}

/** Writes the source line of a slot, unless it is the one written last (`verbose_linfo`). */
export function verboseLinfo(env: Environment, slot: number, prefix: string): void {
  if (!env.log.enabled) return;
  const previous = env.previousLine;
  const line = findLine(env, slot);
  if (line === null || line === previous) return;
  if (previous !== null && line.file === previous.file && line.line === previous.line) return;
  const file = line.file.slice(line.file.lastIndexOf("/") + 1);
  env.log.write(`${prefix}${trimmedSource(line.text)} @ ${file}:${line.line}\n`);
  env.previousLine = line;
}
