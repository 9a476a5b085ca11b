import { Btf, BtfKind } from "../../../src/btf/index.ts";
import { CTypes } from "../../verifier/support/c-types.ts";

/** What programs have of types. Programs name structs by their ids: new ones go to the end. */
const DECLARATIONS = `
struct node {
  u64 key; u64 data; struct bpf_list_node list; struct bpf_rb_node tree; struct bpf_refcount refs; u32 rest;
};
struct guarded {
  u64 words[4]; struct bpf_spin_lock lock; u32 rest;
  struct bpf_list_head list __contains(node, list); struct bpf_rb_root tree __contains(node, tree);
};
struct account { struct bpf_spin_lock lock; u32 rest; u64 words[2]; };
int plain(void);
int catching(void) __exception_cb(catcher);
int catcher(u64 cookie);
static int inner(void);
`;

/** Types of all programs. */
export interface ProgramTypes {
  readonly btf: Btf;
  /** The id of a struct, by its name without `struct`. */
  struct(name: string): number;
  /** The id of a function. */
  func(name: "plain" | "catching" | "catcher" | "inner"): number;
}

export function programTypes(): ProgramTypes {
  const btf = Btf.parse(new CTypes(DECLARATIONS).bytes(), { what: "fuzz" });
  return {
    btf,
    struct: (name) => btf.findByName(name, BtfKind.STRUCT),
    func: (name) => btf.findByName(name, BtfKind.FUNC),
  };
}

/** Of `struct node`, as its id in the types. */
export const NODE_ID = 13;
/** Of `struct node`. */
export const NODE_SIZE = 80;
export const NODE_LIST = 16;
export const NODE_TREE = 40;
/** Of `struct guarded`. */
export const GUARDED_LOCK = 32;
export const GUARDED_LIST = 40;
export const GUARDED_TREE = 56;
