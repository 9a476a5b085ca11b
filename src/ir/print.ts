import type { IrFunction } from "./function.ts";
import { type Block, OP_NAMES, Op, type Value } from "./value.ts";

/**
 * The text of a function, a line for each value:
 *
 * ```text
 * function xdp_prog
 * b0:
 *   v1 = param 1
 *   v4 = load i32 u1 [v2 + 12]
 *   if v9 then b2 else b1
 * ```
 *
 * Constants stand where they are used, with `:64` behind those of 64 bits that do not show it.
 */
export function printIr(func: IrFunction): string {
  const lines = [`function ${func.name}`];
  for (const block of func.inOrder()) {
    const from = block.predecessors.map(({ id }) => `b${id}`).join(", ");
    lines.push(`b${block.id}:${from === "" ? "" : `  ; from ${from}`}`);
    for (const phi of block.phis) lines.push(`  ${definition(phi)}`);
    for (const value of block.values) if (value.op !== Op.const) lines.push(`  ${definition(value)}`);
    lines.push(`  ${ending(block)}`);
  }
  return `${lines.join("\n")}\n`;
}

function ending({ terminator, successors }: Block): string {
  const [onward, taken] = successors.map(({ id }) => `b${id}`);
  switch (terminator.kind) {
    case "goto":
      return `goto ${onward}`;
    case "branch":
      return `if ${operand(terminator.condition)} then ${taken} else ${onward}`;
    case "return":
      return `return ${operand(terminator.value)}`;
  }
}

function definition(value: Value): string {
  const { op, type, args } = value;
  const name = OP_NAMES[op]!;
  const operands = args.map(operand).join(", ");
  const result = type === "void" ? "" : `v${value.id} = `;
  switch (op) {
    case Op.param:
      return type === "i32" ? `${result}context` : `${result}param r${value.imm}`;
    case Op.load:
    case Op.store: {
      const rest = args.slice(1).map((arg) => `, ${operand(arg)}`);
      const kind = op === Op.store ? "" : `${type} ${value.signed ? "s" : "u"}`;
      return `${result}${name} ${kind}${value.size} [${place(value)}]${rest.join("")}`;
    }
    case Op.atomic: {
      const rest = args.slice(1).map((arg) => `, ${operand(arg)}`);
      return `${result}${value.row!.name} [${place(value)}]${rest.join("")}`;
    }
    case Op.probe:
      return `${result}probe ${value.signed ? "s" : "u"}${value.size} [${operands}]`;
    case Op.bswap:
    case Op.extend:
      return `${result}${name}${value.imm} ${type} ${operands}`;
    case Op.call:
    case Op.tailCall:
      return `${result}${name} slot ${value.imm} (${operands})`;
    case Op.callLocal:
      return `${result}call @${value.imm} (${operands})`;
    case Op.mayGoto:
      return `${result}may_goto`;
    case Op.interrupted:
      return `${result}interrupted`;
    default:
      return `${result}${name}${type === "void" ? "" : ` ${type}`}${operands === "" ? "" : ` ${operands}`}`;
  }
}

function place({ args, imm }: Value): string {
  const base = operand(args[0]!);
  if (imm === 0) return base;
  return imm > 0 ? `${base} + ${imm}` : `${base} - ${-imm}`;
}

function operand({ op, type, id, imm, high }: Value): string {
  if (op !== Op.const) return `v${id}`;
  if (type === "i32") return String(imm);
  if (high === imm >> 31) return `${imm}:64`;
  return `0x${((BigInt(high >>> 0) << 32n) | BigInt(imm >>> 0)).toString(16)}`;
}
