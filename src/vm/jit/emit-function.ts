import { NotSupported } from "../../base/index.ts";
import { displacementOf, WideKind } from "../../isa/index.ts";
import type { FunctionBuilder } from "../../wasm/index.ts";
import { CodeError } from "../code-error.ts";
import { CODE_BASE_HIGH } from "../signatures.ts";
import type { CodeFunction } from "./code-graph.ts";
import { emitCondition } from "./emit-branch.ts";
import { emitCallLocal, emitCallReg, emitCallTarget } from "./emit-call.ts";
import { EMITTER_OF } from "./emitters.ts";
import { FunctionCode, type Site } from "./function-code.ts";
import type { ProgramParts } from "./program-parts.ts";
import { type BlockEmitter, type Ending, emitStructured } from "./structure.ts";

/** The last register of the machine: Linux's auxiliary register, which fixups may use. */
const LAST_REGISTER = 11;

const R0 = 0;

/** Emits a function of a program, one instruction after the other. */
export function emitFunction(f: FunctionBuilder, func: CodeFunction, parts: ProgramParts): void {
  const { rows } = parts.program.graph;
  const mayGoto = func.blocks.some(({ end }) => rows[end - 1]?.kind === "mayGoto");
  const code = new FunctionCode(f, parts.program, parts.counting);
  code.begin({ mayGoto, bare: func.entry !== 0 && func.entry === parts.catcher });
  emitStructured(f, func.graph, new FunctionBlocks(code, func, parts));
  f.unreachable();
}

class FunctionBlocks implements BlockEmitter {
  readonly #code: FunctionCode;
  readonly #func: CodeFunction;
  readonly #parts: ProgramParts;

  constructor(code: FunctionCode, func: CodeFunction, parts: ProgramParts) {
    this.#code = code;
    this.#func = func;
    this.#parts = parts;
  }

  moves(): boolean {
    return false;
  }

  move(): void {}

  condition(block: number, negated: boolean): void {
    const slot = this.#func.blocks[block]!.end - 1;
    emitCondition(this.#code, this.#siteAt(slot), negated);
  }

  body(block: number): Ending {
    const code = this.#code;
    const { graph } = code.program;
    const { start, end } = this.#func.blocks[block]!;
    code.blockEnd = end;
    if (start >= graph.insns.length) {
      code.raise("instruction", start);
      return "end";
    }
    if (code.checked) this.#beginChecked(block, start, end);
    else if (code.counting) code.count(graph.instructionsBetween(start, end));
    for (let slot = start; slot < end; slot++) {
      const row = graph.rows[slot];
      if (row === undefined) continue;
      code.f.mark(slot);
      switch (row.kind) {
        case "branch":
          return "branch";
        case "mayGoto":
          if (!code.checked) code.poll(slot);
          return "branch";
        case "goto":
          return "goto";
        case "exit":
          code.spill();
          code.r64(R0).return();
          return "end";
        case "wide":
          this.#wide(slot);
          break;
        case "call":
          if (this.#call(this.#siteAt(slot))) return "end";
          break;
        default:
          this.#plain(this.#siteAt(slot));
      }
    }
    return "goto";
  }

  #beginChecked(block: number, start: number, end: number): void {
    const code = this.#code;
    code.charge(start, code.program.graph.instructionsBetween(start, end));
    const { predecessors, incoming, edgeFrom } = this.#func.graph;
    for (let at = predecessors[block]!; at < predecessors[block + 1]!; at++) {
      const from = this.#func.blocks[edgeFrom[incoming[at]!]!]!;
      if (from.start < start) continue;
      code.poll(start);
      return;
    }
  }

  #siteAt(slot: number): Site {
    const { insns, rows } = this.#code.program.graph;
    return { insn: insns[slot]!, row: rows[slot]!, slot };
  }

  #plain(site: Site): void {
    const { insn, row, slot } = site;
    if (insn.dst > LAST_REGISTER || (row.src === "register" && insn.src > LAST_REGISTER))
      this.#refuse(slot, `expected registers r0 to r10, got r${Math.max(insn.dst, insn.src)}`);
    const emit = EMITTER_OF[row.operation];
    if (emit !== undefined) {
      emit(this.#code, site);
      return;
    }
    if (row.kind === "packet")
      this.#refuse(
        slot,
        `expected no ${row.name}: packet access of classic BPF is rewritten before code reaches an engine`,
      );
    throw new NotSupported("addresses of per-CPU data as instructions", {
      why: `program ${this.#parts.name}`,
    });
  }

  #wide(slot: number): void {
    const { insns } = this.#code.program.graph;
    const { dst, src, imm } = insns[slot]!;
    if (src === WideKind.imm) {
      this.#code.f.i64.constPair(imm, insns[slot + 1]!.imm);
    } else if (src === WideKind.func) {
      this.#code.f.i64.constPair(this.#parts.targets.callback(slot + 1 + imm), CODE_BASE_HIGH);
    } else {
      this.#refuse(
        slot,
        "expected a plain 64-bit number, got a reference that the kernel resolves when it loads a program",
      );
    }
    this.#code.set64(dst);
  }

  /** @returns whether the function ends with it. */
  #call(site: Site): boolean {
    const code = this.#code;
    const { insn, row, slot } = site;
    const { targets, targetOf, mayStop } = this.#parts;
    switch (row.name) {
      case "call_local": {
        const callee = slot + 1 + displacementOf(insn, row)!;
        emitCallLocal(code, site, callee, mayStop.has(callee));
        return false;
      }
      case "call_helper":
      case "call_kfunc":
        return emitCallTarget(code, site, targetOf(slot), targets.tailCall);
      default:
        if (row.source === "imm" && (insn.imm < 0 || insn.imm > 10))
          this.#refuse(slot, `expected a register's number, got ${insn.imm}`);
        emitCallReg(code, site);
        return false;
    }
  }

  #refuse(slot: number, problem: string): never {
    throw new CodeError(this.#parts.name, slot, problem);
  }
}
