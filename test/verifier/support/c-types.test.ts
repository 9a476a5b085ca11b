import { describe, expect, it } from "vitest";
import { Btf, BtfKind } from "../../../src/btf/index.ts";
import { CTypes } from "./c-types.ts";

const parsed = (text: string) => {
  const types = new CTypes(text);
  return { types, btf: Btf.parse(types.bytes()) };
};

describe("C declarations as BTF", () => {
  it("lay structs out as C does", () => {
    const { types, btf } = parsed("struct s { char a; int b; char c[3]; __u64 d; __u32 x:3; __u32 y:5; };");
    const id = types.id("struct s");
    expect(btf.type(id)).toMatchObject({
      kind: "STRUCT",
      size: 32,
      members: [
        { name: "a", bitOffset: 0 },
        { name: "b", bitOffset: 32 },
        { name: "c", bitOffset: 64 },
        { name: "d", bitOffset: 128 },
        { name: "x", bitOffset: 192, bitSize: 3 },
        { name: "y", bitOffset: 195, bitSize: 5 },
      ],
    });
    expect(types.sizeOf("struct s")).toBe(32);
  });

  it("take tags of pointers and members", () => {
    const { btf } = parsed(`
      struct node { struct bpf_list_node link; struct node *next; };
      struct val { struct task_struct __kptr *task; struct bpf_list_head head __contains(node, link); };`);
    const tag = btf.findByName("kptr", BtfKind.TYPE_TAG);
    expect(btf.name(btf.ref(tag))).toBe("task_struct");
    const contains = btf.findByName("contains:node:link", BtfKind.DECL_TAG);
    expect(btf.type(contains)).toMatchObject({ component: 1 });
    const node = btf.findByName("node", BtfKind.STRUCT);
    const next = btf.memberType(node, 1);
    expect([btf.kind(next), btf.ref(next)]).toEqual([BtfKind.PTR, node]);
  });

  it("describe functions and the tags of their arguments", () => {
    const { types, btf } = parsed("int f(struct __sk_buff *skb __arg_ctx, int n); static void g(void);");
    expect(btf.type(types.functionId("f")!)).toMatchObject({ kind: "FUNC", linkage: "global" });
    expect(btf.type(types.functionId("g")!)).toMatchObject({ kind: "FUNC", linkage: "static" });
    expect(btf.type(btf.findByName("arg:ctx"))).toMatchObject({ kind: "DECL_TAG", component: 0 });
  });

  it("refuse what is no C", () => {
    expect(() => new CTypes("struct s { nonsense x; };")).toThrow("there is no type 'nonsense'");
    expect(() => new CTypes("struct s { struct s x; };")).toThrow("contains itself");
    expect(() => new CTypes("struct s { int x }")).toThrow("expected ';', got '}'");
    expect(() => new CTypes("struct s { int x __odd; };")).toThrow("there is no tag '__odd'");
  });
});
