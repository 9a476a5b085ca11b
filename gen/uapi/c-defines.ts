import { readFileSync } from "node:fs";

/**
 * A reader of C headers for one purpose: the integer values of `#define`s. It follows `#if` blocks and evaluates
 * integer expressions with names, casts, `sizeof`-like sizes and the `_IO` family; it ignores everything else.
 */
export class CDefines {
  readonly #text = new Map<string, string>();

  constructor(predefined: Readonly<Record<string, string>> = {}) {
    for (const [name, value] of Object.entries(predefined)) this.#text.set(name, value);
  }

  /** Reads one header. `#include`s are not followed. */
  read(path: string): this {
    const source = readFileSync(path, "utf8")
      .replaceAll("\\\n", " ")
      .replaceAll(/\/\*[\s\S]*?\*\//g, " ")
      .replaceAll(/\/\/.*$/gm, " ");
    // Whether each open #if block is read, and whether one of its branches was.
    const open: { active: boolean; taken: boolean }[] = [];
    for (const line of source.split("\n")) {
      const directive = /^\s*#\s*(\w+)\s*(.*?)\s*$/.exec(line);
      if (directive === null) continue;
      const [, name, rest] = directive as unknown as [string, string, string];
      const outer = open.at(-1);
      const outerActive = open.slice(0, -1).every((block) => block.active);
      if (name === "if" || name === "ifdef" || name === "ifndef") {
        const active =
          name === "if" ? this.#condition(rest) : this.#text.has(rest.split(/\s/)[0]!) === (name === "ifdef");
        open.push({ active, taken: active });
      } else if (name === "elif" && outer !== undefined) {
        outer.active = !outer.taken && this.#condition(rest);
        outer.taken ||= outer.active;
      } else if (name === "else" && outer !== undefined) {
        outer.active = !outer.taken;
        outer.taken = true;
      } else if (name === "endif") {
        open.pop();
      } else if (outerActive && (outer?.active ?? true)) {
        const define = /^(\w+)(?!\()\s*(.*)$/.exec(rest);
        if (name === "define" && define !== null && !rest.startsWith(`${define[1]}(`)) {
          this.#text.set(define[1]!, define[2]!);
        } else if (name === "undef") this.#text.delete(rest);
      }
    }
    return this;
  }

  /** The defined names that match, in the order of their definition. */
  names(pattern: RegExp): string[] {
    return [...this.#text.keys()].filter((name) => pattern.test(name));
  }

  has(name: string): boolean {
    return this.#text.has(name);
  }

  /** The value of a name, or `null` where it is no integer constant. */
  value(name: string): bigint | null {
    const text = this.#text.get(name);
    return text === undefined || text === "" ? null : this.evaluate(text);
  }

  /** The value of an integer expression, or `null` where it is none that this reader knows. */
  evaluate(text: string): bigint | null {
    try {
      return new Expression(text, (name) => {
        const definition = this.#text.get(name);
        // A name may be defined as itself (BPF_F_LINK): the enumerator of that name is meant.
        return definition === undefined || definition === "" || definition === name
          ? null
          : this.evaluate(definition);
      }).value();
    } catch (error) {
      if (error instanceof NotConstant) return null;
      throw error;
    }
  }

  #condition(text: string): boolean {
    const known = text.replaceAll(/\bdefined\s*\(?\s*(\w+)\s*\)?/g, (_, name: string) =>
      this.#text.has(name) ? "1" : "0",
    );
    // A name that is not defined counts as 0 in a condition.
    const value = new Expression(known, (name) => {
      const definition = this.#text.get(name);
      return definition === undefined || definition === "" ? 0n : this.evaluate(definition);
    });
    try {
      return value.value() !== 0n;
    } catch (error) {
      if (error instanceof NotConstant) return false;
      throw error;
    }
  }
}

class NotConstant extends Error {}

const SIZES: Readonly<Record<string, bigint>> = {
  __u8: 1n,
  __u16: 2n,
  __u32: 4n,
  __u64: 8n,
  int: 4n,
  long: 8n,
};
const IO_DIRECTIONS: Readonly<Record<string, bigint>> = { _IO: 0n, _IOW: 1n, _IOR: 2n, _IOWR: 3n };

/** Binary operators by how tightly they bind, loosest first. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*"],
];

class Expression {
  readonly #tokens: readonly string[];
  readonly #lookup: (name: string) => bigint | null;
  #at = 0;

  constructor(text: string, lookup: (name: string) => bigint | null) {
    this.#tokens = text.match(/0[xX][0-9a-fA-F]+|\d+|[A-Za-z_]\w*|'.'|<<|>>|<=|>=|==|!=|&&|\|\||\S/g) ?? [];
    this.#lookup = lookup;
  }

  value(): bigint {
    const value = this.#binary(0);
    if (this.#at < this.#tokens.length) throw new NotConstant();
    return value;
  }

  #binary(level: number): bigint {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    while (operators.includes(this.#tokens[this.#at] ?? "")) {
      left = apply(this.#tokens[this.#at++]!, left, this.#binary(level + 1));
    }
    return left;
  }

  #unary(): bigint {
    const token = this.#tokens[this.#at++] ?? "";
    if (token === "-") return -this.#unary();
    if (token === "~") return ~this.#unary();
    if (token === "!") return this.#unary() === 0n ? 1n : 0n;
    if (token === "(") {
      const value = this.#binary(0);
      this.#expect(")");
      return value;
    }
    if (/^\d/.test(token)) {
      // A suffix (1U, 0x10ULL) was cut off into a token of its own.
      if (/^[uUlL]+$/.test(this.#tokens[this.#at] ?? "")) this.#at++;
      return BigInt(/^0[0-7]+$/.test(token) ? `0o${token.slice(1)}` : token);
    }
    if (token.startsWith("'")) return BigInt(token.charCodeAt(1));
    if (token in IO_DIRECTIONS) return this.#ioctl(IO_DIRECTIONS[token]!);
    const value = /^\w+$/.test(token) ? this.#lookup(token) : null;
    if (value === null) throw new NotConstant();
    return value;
  }

  /** `_IOC(direction, type, number, size)`: direction << 30 | size << 16 | type << 8 | number (asm-generic/ioctl.h). */
  #ioctl(direction: bigint): bigint {
    this.#expect("(");
    const type = this.#binary(0);
    this.#expect(",");
    const number = this.#binary(0);
    let size = 0n;
    if (direction !== 0n) {
      this.#expect(",");
      const end = this.#tokens.indexOf(")", this.#at);
      const name = this.#tokens.slice(this.#at, end).join(" ");
      size = name.endsWith("*") ? 8n : (SIZES[name] ?? 0n);
      if (size === 0n) throw new NotConstant();
      this.#at = end;
    }
    this.#expect(")");
    return (direction << 30n) | (size << 16n) | (type << 8n) | number;
  }

  #expect(token: string): void {
    if (this.#tokens[this.#at++] !== token) throw new NotConstant();
  }
}

function apply(operator: string, left: bigint, right: bigint): bigint {
  const truth = (value: boolean) => (value ? 1n : 0n);
  switch (operator) {
    case "||":
      return truth(left !== 0n || right !== 0n);
    case "&&":
      return truth(left !== 0n && right !== 0n);
    case "|":
      return left | right;
    case "^":
      return left ^ right;
    case "&":
      return left & right;
    case "==":
      return truth(left === right);
    case "!=":
      return truth(left !== right);
    case "<":
      return truth(left < right);
    case ">":
      return truth(left > right);
    case "<=":
      return truth(left <= right);
    case ">=":
      return truth(left >= right);
    case "<<":
      return left << right;
    case ">>":
      return left >> right;
    case "+":
      return left + right;
    case "-":
      return left - right;
    default:
      return left * right;
  }
}
