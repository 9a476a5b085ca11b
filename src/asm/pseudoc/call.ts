import { CallKind, type Insn } from "../../isa/index.ts";
import { AsmCode, type Cursor, narrow, StatementError } from "../cursor.ts";
import { slotOf } from "../encode-row.ts";
import type { AssemblerNames, Statement } from "../statement.ts";
import { displacementOr, parseTarget, referenceOf } from "../target.ts";
import { parseRegister } from "./operand.ts";

/**
 * `call 1`, `call bpf_map_lookup_elem`, `call bpf_map_lookup_elem#1`, `call pc+3`, `call pc+3#name`, `call label`,
 * `call kfunc(ID)`, `call kfunc(ID, BTF INDEX)`, `call kernel-function#ID`
 */
export function parseCall(cursor: Cursor, names: AssemblerNames): Statement {
  const start = cursor.next();
  cursor.joinHash();
  const token = cursor.peek();
  if (token.kind === "number" || token.text === "-" || token.text === "+") {
    const { value, span } = cursor.integer();
    // What bpftool prints for a function without a symbol: "call 0xffffffff81e94710#10264320".
    return helper(takeId(cursor) ?? narrow(value, span, 32, "an immediate"), start);
  }
  if (token.kind !== "word") throw cursor.expected("a function");
  if (token.text === "pc") {
    const begin = cursor.position;
    const target = parseTarget(cursor, 32);
    if ("displacement" in target) {
      skipName(cursor);
      const imm = target.displacement;
      return { insns: [slotOf("call_local", { imm }, start, "such call")] };
    }
    cursor.position = begin;
  }
  if (cursor.acceptAll("kfunc", "(")) return kfunc(cursor, start);
  if (cursor.acceptAll("kernel", "-", "function")) {
    return {
      insns: [slotOf("call_kfunc", { src: CallKind.kfunc, imm: takeId(cursor) ?? 0 }, start, "such call")],
    };
  }
  const target = parseTarget(cursor, 32);
  if ("displacement" in target) throw cursor.expected("a function");
  const id = takeId(cursor);
  if (id !== undefined) return helper(id, start);
  const known = names.helperId?.(target.label);
  const insn = slotOf("call_local", { imm: displacementOr(target, 0) }, start, "such call");
  const { reference } = referenceOf(target, "imm");
  const otherwise = known === undefined ? {} : { otherwise: helper(known, start).insns[0]! };
  return { insns: [insn], reference: { ...reference!, callee: true, ...otherwise } };
}

/** `callx r1`; `callx_imm r1` for the encoding before LLVM 19, with the register in the immediate. */
export function parseCallx(cursor: Cursor): Insn {
  const start = cursor.next();
  const register = parseRegister(cursor);
  if (start.text === "callx") return slotOf("callx", { dst: register.number }, start, "such call");
  if (register.number === 0 || register.number > 10) {
    throw new StatementError(AsmCode.register, `expected r1 to r10, got '${register.text}'`, register.span);
  }
  return slotOf("callx_imm", { imm: register.number }, start, "such call");
}

function helper(imm: number, span: { readonly start: number; readonly end: number }): Statement {
  return { insns: [slotOf("call_helper", { imm }, span, "such call")] };
}

function kfunc(cursor: Cursor, span: { readonly start: number; readonly end: number }): Statement {
  const imm = cursor.imm32("a BTF id");
  const off = cursor.accept(",") ? cursor.off16("an index of a BTF") : 0;
  cursor.expect(")");
  return { insns: [slotOf("call_kfunc", { imm, off }, span, "such call")] };
}

/** `#25` */
function takeId(cursor: Cursor): number | undefined {
  if (!cursor.accept("#")) return undefined;
  const { value, span } = cursor.integer("an id");
  return narrow(value, span, 32, "an id");
}

/** The name that a listing appends to a displacement: `#bpf_prog_20ed70870287aa11_slot`, `#0xffffffffc0026d90`. */
function skipName(cursor: Cursor): void {
  if (!cursor.accept("#")) return;
  const name = cursor.peek();
  if (name.kind !== "word" && name.kind !== "number") throw cursor.expected("a name");
  cursor.next();
}
