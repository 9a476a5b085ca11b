import { type Btf, BtfKind } from "../btf/index.ts";

/** bpftool's buffer, its NUL not counted: a longer prototype is not shown. */
const MAX_LENGTH = 1023;
const MAX_DEPTH = 64;

/**
 * A function as bpftool writes it above its code: `int count(struct __sk_buff * skb)`. Empty for types that are not
 * functions of a sensible kind, and for what is longer than bpftool's buffer (`btf_dumper_type_only`).
 */
export function prototypeText(btf: Btf, id: number): string {
  const text = typeText(btf, id, 0);
  return text === null || text.length > MAX_LENGTH ? "" : text;
}

function typeText(btf: Btf, id: number, depth: number): string | null {
  if (id === 0) return "void ";
  if (depth > MAX_DEPTH || !btf.has(id)) return null;
  const inner = (type: number) => typeText(btf, type, depth + 1);
  const around = (before: string, type: number, after: string) => {
    const text = inner(type);
    return text === null ? null : before + text + after;
  };
  const name = btf.name(id);
  switch (btf.kind(id)) {
    case BtfKind.INT:
    case BtfKind.TYPEDEF:
    case BtfKind.FLOAT:
      return `${name} `;
    case BtfKind.STRUCT:
      return `struct ${name} `;
    case BtfKind.UNION:
      return `union ${name} `;
    case BtfKind.ENUM:
    case BtfKind.ENUM64:
      return `enum ${name} `;
    case BtfKind.FWD:
      return `${btf.kflag(id) ? "union" : "struct"} ${name} `;
    case BtfKind.ARRAY:
      return around("", btf.elementType(id), `[${btf.elementCount(id)}]`);
    case BtfKind.PTR:
      return around("", btf.ref(id), "* ");
    case BtfKind.VOLATILE:
      return around("volatile ", btf.ref(id), "");
    case BtfKind.CONST:
      return around("const ", btf.ref(id), "");
    case BtfKind.RESTRICT:
      return around("restrict ", btf.ref(id), "");
    case BtfKind.FUNC_PROTO:
      return functionText(btf, id, "", depth);
    case BtfKind.FUNC:
      return functionText(btf, btf.ref(id), name, depth);
    default:
      return null;
  }
}

function functionText(btf: Btf, prototype: number, name: string, depth: number): string | null {
  if (!btf.has(prototype) || btf.kind(prototype) !== BtfKind.FUNC_PROTO) return null;
  const result = typeText(btf, btf.ref(prototype), depth + 1);
  if (result === null) return null;
  const parameters: string[] = [];
  for (let i = 0, count = btf.vlen(prototype); i < count; i++) {
    const parameter = btf.string(btf.word(prototype, 3 + i * 2));
    const type = btf.word(prototype, 4 + i * 2);
    if (type === 0) {
      parameters.push("...");
      continue;
    }
    const text = typeText(btf, type, depth + 1);
    if (text === null) return null;
    parameters.push(parameter === "" ? text.replace(/ $/, "") : text + parameter);
  }
  return `${result}${name}(${parameters.join(", ")})`;
}
