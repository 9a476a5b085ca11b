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
  const text = new FunctionText(func);
  for (const block of func.inOrder()) {
    const from = block.predecessors.map(({ id }) => `b${id}`).join(", ");
    lines.push(`b${block.id}:${from === "" ? "" : `  ; from ${from}`}`);
    for (const { value } of block.phis) lines.push(`  ${text.definition(value)}`);
    for (const value of block.values) if (!func.isConst(value)) lines.push(`  ${text.definition(value)}`);
    lines.push(`  ${text.ending(block)}`);
  }
  return `${lines.join("\n")}\n`;
}

class FunctionText {
  readonly #func: IrFunction;

  constructor(func: IrFunction) {
    this.#func = func;
  }

  ending({ terminator, successors }: Block): string {
    const [onward, taken] = successors.map(({ id }) => `b${id}`);
    switch (terminator.kind) {
      case "goto":
        return `goto ${onward}`;
      case "branch":
        return `if ${this.#operand(terminator.condition)} then ${taken} else ${onward}`;
      case "return":
        return `return ${this.#operand(terminator.value)}`;
    }
  }

  definition(value: Value): string {
    const func = this.#func;
    const op = func.op(value);
    const type = func.type(value);
    const name = OP_NAMES[op]!;
    const args = (op === Op.phi ? func.phiOf(value).args : func.argsOf(value)).map((arg) =>
      this.#operand(arg),
    );
    const operands = args.join(", ");
    const rest = args.slice(1).map((arg) => `, ${arg}`);
    const result = type === "void" ? "" : `v${value} = `;
    const sign = func.isSigned(value) ? "s" : "u";
    switch (op) {
      case Op.param:
        return type === "i32" ? `${result}context` : `${result}param r${func.imm(value)}`;
      case Op.load:
        return `${result}${name} ${type} ${sign}${func.size(value)} [${this.#place(value)}]`;
      case Op.store:
        return `${result}${name} ${func.size(value)} [${this.#place(value)}]${rest.join("")}`;
      case Op.atomic:
        return `${result}${func.rowOf(value).name} [${this.#place(value)}]${rest.join("")}`;
      case Op.probe:
      case Op.arenaLoad:
        return `${result}${name} ${sign}${func.size(value)} [${operands}]`;
      case Op.arena:
        return `${result}${func.rowOf(value).name} [${args[0]}]${rest.join("")}`;
      case Op.bswap:
      case Op.extend:
        return `${result}${name}${func.imm(value)} ${type} ${operands}`;
      case Op.call:
      case Op.tailCall:
        return `${result}${name} slot ${func.imm(value)} (${operands})`;
      case Op.callLocal:
        return `${result}call @${func.imm(value)} (${operands})`;
      case Op.mayGoto:
        return `${result}may_goto`;
      case Op.interrupted:
        return `${result}interrupted`;
      default:
        return `${result}${name}${type === "void" ? "" : ` ${type}`}${operands === "" ? "" : ` ${operands}`}`;
    }
  }

  #place(access: Value): string {
    const base = this.#operand(this.#func.arg(access, 0));
    const offset = this.#func.imm(access);
    if (offset === 0) return base;
    return offset > 0 ? `${base} + ${offset}` : `${base} - ${-offset}`;
  }

  #operand(value: Value): string {
    const func = this.#func;
    if (!func.isConst(value)) return `v${value}`;
    const [imm, high] = [func.imm(value), func.high(value)];
    if (!func.isWide(value)) return String(imm);
    if (high === imm >> 31) return `${imm}:64`;
    return `0x${((BigInt(high >>> 0) << 32n) | BigInt(imm >>> 0)).toString(16)}`;
  }
}
