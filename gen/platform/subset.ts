import { type Btf, BtfBuilder, BtfKind, type BtfType, type BtfTypeInput } from "../../src/btf/index.ts";

/** Members to keep of each struct, all where it says so; other structs are cut to a forward declaration. */
export type Selection = ReadonlyMap<string, "all" | readonly string[]>;

/**
 * A BTF with the selected structs, at their own offsets and sizes. What they hold by value comes along whole; what
 * they point at only where it is selected, too.
 */
export function subset(btf: Btf, selection: Selection): Uint8Array {
  const builder = new BtfBuilder();
  const done = new Map<number, number>();
  const forwards = new Map<string, number>();

  /** Ids are needed before what they stand for exists: types are numbered first, and added in that order. */
  const queue: number[] = [];
  const number = (id: number): number => {
    if (id === 0) return 0;
    let mapped = done.get(id);
    if (mapped === undefined) {
      mapped = queue.push(id);
      done.set(id, mapped);
    }
    return mapped;
  };
  // Forward declarations get ids after all real types; negative until then.
  const forward = (name: string, of: "struct" | "union"): number => {
    const key = `${of} ${name}`;
    const known = forwards.get(key) ?? -1 - forwards.size;
    forwards.set(key, known);
    return known;
  };

  const pointee = (id: number): number => {
    const type = btf.type(id);
    switch (type.kind) {
      case "STRUCT":
      case "UNION":
        if (type.name === "") return 0;
        return selection.has(type.name)
          ? number(id)
          : forward(type.name, type.kind === "STRUCT" ? "struct" : "union");
      case "CONST":
      case "VOLATILE":
      case "RESTRICT":
      case "TYPE_TAG":
        return pointee(type.type);
      case "INT":
      case "PTR":
        return number(id);
      default:
        return 0;
    }
  };

  const inputs: BtfTypeInput[] = [];
  const copy = (type: BtfType): BtfTypeInput => {
    switch (type.kind) {
      case "PTR":
        return { kind: "PTR", type: pointee(type.type) };
      case "CONST":
      case "VOLATILE":
      case "RESTRICT":
        return { kind: type.kind, type: number(type.type) };
      case "TYPEDEF":
        return { kind: "TYPEDEF", name: type.name, type: number(type.type) };
      case "ARRAY":
        return {
          kind: "ARRAY",
          type: number(type.type),
          indexType: number(type.indexType),
          count: type.count,
        };
      case "STRUCT":
      case "UNION": {
        const wanted = selection.get(type.name) ?? "all";
        const members = type.members
          .filter((member) => wanted === "all" || member.name === "" || wanted.includes(member.name))
          .map((member) => ({ ...member, type: number(member.type) }));
        return { kind: type.kind, name: type.name, size: type.size, members };
      }
      case "INT":
      case "ENUM":
      case "ENUM64":
      case "FLOAT": {
        const { id: _, ...rest } = type;
        // Only the size of an enum matters here.
        return "values" in rest ? { ...rest, values: [] } : rest;
      }
      default:
        throw new Error(`${type.kind} [${type.id}] ${type.name} is no part of a struct`);
    }
  };

  for (const name of selection.keys()) {
    const id = btf.findByName(name, BtfKind.STRUCT) || btf.findByName(name, BtfKind.UNION);
    if (id === 0) throw new Error(`the kernel's BTF has no struct ${name}`);
    number(id);
  }
  for (let index = 0; index < queue.length; index++) inputs.push(copy(btf.type(queue[index]!)));

  const place = (id: number): number => (id < 0 ? queue.length - id : id);
  for (const input of inputs) {
    builder.add(input.kind === "PTR" ? { ...input, type: place(input.type) } : input);
  }
  for (const key of forwards.keys()) {
    const [of, name] = key.split(" ") as ["struct" | "union", string];
    builder.add({ kind: "FWD", name, of });
  }
  return builder.finish();
}
