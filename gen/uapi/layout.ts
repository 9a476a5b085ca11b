import { type Btf, BtfKind, type BtfType } from "../../src/btf/index.ts";
import type { Layout, LayoutField, LayoutKind } from "../../src/uapi/layout.ts";
import { camelCase, key } from "./source.ts";

/**
 * 64-bit integers that are not addresses. The headers write addresses and integers alike (`__aligned_u64`, or
 * `__u64`), and BTF does not tell them apart: the kernel's use does (`u64_to_user_ptr`).
 */
const PLAIN_U64 = new Set([
  ...["flags", "elem_flags", "map_extra", "expected_revision", "revision", "cookie", "bpf_cookie"],
  ...["probe_offset", "probe_addr", "load_time", "netns_dev", "netns_ino", "run_time_ns", "run_cnt"],
  ...["recursion_misses", "missed", "cgroup_id", "ref_ctr_offset", "addr", "config"],
]);

/** How to flatten a struct. */
export interface LayoutOptions {
  /** True where `__u64` members hold addresses of the caller's memory, as in `union bpf_attr`. */
  readonly addresses: boolean;
}

/** The type behind typedefs and qualifiers. */
function resolved(btf: Btf, id: number): BtfType {
  let type = btf.type(id);
  while ("type" in type && ["TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"].includes(type.kind)) {
    type = btf.type(type.type);
  }
  return type;
}

function sizeOf(btf: Btf, type: BtfType): number {
  if (type.kind === "PTR") return btf.pointerSize;
  if (type.kind === "ARRAY") return type.count * sizeOf(btf, resolved(btf, type.type));
  if ("size" in type) return type.size;
  throw new Error(`type ${type.id} (${type.kind}) has no size`);
}

function kindOf(btf: Btf, type: BtfType, name: string, options: LayoutOptions): LayoutKind {
  if (type.kind === "PTR") return "ptr";
  if (type.kind === "INT" || type.kind === "ENUM" || type.kind === "ENUM64") {
    const bits = (8 * type.size) as 8 | 16 | 32 | 64;
    if (bits === 64 && options.addresses && !type.signed && !PLAIN_U64.has(name)) return "ptr";
    return type.signed ? `s${bits}` : `u${bits}`;
  }
  throw new Error(`'${name}': a field cannot be a ${type.kind} (type ${type.id} of ${btf.count})`);
}

/** The fields of a struct or union, in order, those of inner structs and unions in their place. */
export function fieldsOf(btf: Btf, id: number, options: LayoutOptions, base = 0, arm = ""): LayoutField[] {
  const type = resolved(btf, id);
  if (type.kind !== "STRUCT" && type.kind !== "UNION") throw new Error(`type ${id} is no struct`);
  return type.members.flatMap((member) => {
    const inner = resolved(btf, member.type);
    const offset = base + (member.bitOffset >> 3);
    const path = [arm, member.name].filter((part) => part !== "").join(".");
    if (inner.kind === "STRUCT" || inner.kind === "UNION")
      return fieldsOf(btf, inner.id, options, offset, path);
    const common = { name: path, camel: camelCase(path), arm };
    if (member.bitSize > 0) {
      const size = sizeOf(btf, inner);
      const bits = { bitOffset: member.bitOffset % (8 * size), bitSize: member.bitSize };
      const at = base + Math.floor(member.bitOffset / (8 * size)) * size;
      return { ...common, offset: at, size, kind: kindOf(btf, inner, member.name, options), bits };
    }
    if (inner.kind !== "ARRAY") {
      return { ...common, offset, size: sizeOf(btf, inner), kind: kindOf(btf, inner, member.name, options) };
    }
    const element = resolved(btf, inner.type);
    const size = sizeOf(btf, inner);
    if (element.kind === "INT" && element.size === 1) {
      return { ...common, offset, size, kind: btf.name(inner.type) === "char" ? "chars" : "bytes" };
    }
    if (element.kind === "STRUCT" || element.kind === "UNION") return [];
    return { ...common, offset, size, kind: kindOf(btf, element, member.name, options), count: inner.count };
  });
}

/** A named struct with all its fields. */
export function layoutOf(btf: Btf, name: string, options: LayoutOptions): Layout {
  const id = btf.findByName(name, BtfKind.STRUCT);
  if (id <= 0) throw new Error(`no struct ${name} in the kernel's BTF`);
  return { size: btf.size(id), fields: fieldsOf(btf, id, options) };
}

/** A layout as source: one line for each field. */
export function layoutSource(layout: Layout, indent: string): string {
  const property = ([name, value]: readonly [string, unknown]): string => `${key(name)}: ${literal(value)}`;
  const literal = (value: unknown): string =>
    typeof value === "object" && value !== null
      ? `{ ${Object.entries(value).map(property).join(", ")} }`
      : JSON.stringify(value);
  const { fields, ...rest } = layout;
  const head = Object.entries(rest)
    .map((entry) => `${indent}  ${property(entry)},\n`)
    .join("");
  const body = fields
    .map((field) => `${indent}    { ${Object.entries(field).map(property).join(", ")} },\n`)
    .join("");
  return `{\n${head}${indent}  fields: [\n${body}${indent}  ],\n${indent}}`;
}
