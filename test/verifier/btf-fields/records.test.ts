import { describe, expect, it } from "vitest";
import { Btf, BtfKind } from "../../../src/btf/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../../src/uapi/index.ts";
import { mapRecord } from "../../../src/verifier/btf-fields/map-record.ts";
import { parseFields } from "../../../src/verifier/btf-fields/parse-record.ts";
import { parseStructMetas } from "../../../src/verifier/btf-fields/struct-metas.ts";
import { FieldType } from "../../../src/verifier/environment/record.ts";
import { Rejection } from "../../../src/verifier/environment/rejection.ts";
import { VMLINUX } from "../objects/vmlinux.ts";
import { CTypes } from "../support/c-types.ts";

const KERNEL = [VMLINUX];
const ALL = 0xffff;

function types(text: string): { readonly btf: Btf; readonly id: (name: string) => number } {
  const btf = Btf.parse(new CTypes(text).bytes());
  return { btf, id: (name) => btf.findByName(name, BtfKind.STRUCT) };
}

/** The fields of a struct `val`, as `[offset, type]`. */
function fieldsOf(text: string, mask: number = ALL): [number, number][] | null {
  const { btf, id } = types(text);
  const record = parseFields(btf, id("val"), mask, btf.size(id("val")), KERNEL);
  return record?.fields.map(({ offset, type }) => [offset, type]) ?? null;
}

function errnoOf(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof Rejection) return error.errno;
    throw error;
  }
  return 0;
}

describe("special fields of a struct", () => {
  it("are found by the names of their types", () => {
    expect(fieldsOf("struct val { int a; struct bpf_spin_lock lock; struct bpf_timer timer; };")).toEqual([
      [4, FieldType.SPIN_LOCK],
      [8, FieldType.TIMER],
    ]);
    expect(fieldsOf("struct val { int a; long b; };")).toBeNull();
    expect(fieldsOf("struct val { struct bpf_timer timer; };", FieldType.SPIN_LOCK)).toBeNull();
  });

  it("are found in members that are structs and arrays of structs", () => {
    const text = `
      struct in { int a; struct task_struct __kptr_untrusted *task; };
      struct val { long first; struct in one; struct in two[2]; };`;
    expect(fieldsOf(text)).toEqual([
      [16, FieldType.KPTR_UNREF],
      [32, FieldType.KPTR_UNREF],
      [48, FieldType.KPTR_UNREF],
    ]);
  });

  it("may be there once only where they are locks or timers", () => {
    const twice = "struct val { struct bpf_timer a; struct bpf_timer b; };";
    expect(errnoOf(() => fieldsOf(twice))).toBe(Errno.E2BIG);
    const array = "struct val { struct bpf_timer a[2]; };";
    expect(errnoOf(() => fieldsOf(array))).toBe(Errno.EINVAL);
    const both = "struct val { struct bpf_spin_lock a; struct bpf_res_spin_lock b; };";
    expect(errnoOf(() => fieldsOf(both))).toBe(Errno.EINVAL);
  });

  it("are at most eleven", () => {
    const pointers = (n: number) => `struct val { struct task_struct __kptr_untrusted *p[${n}]; };`;
    expect(fieldsOf(pointers(11))).toHaveLength(11);
    expect(errnoOf(() => fieldsOf(pointers(12)))).toBe(Errno.E2BIG);
  });

  it("point to kernel structs that may be owned, or to the program's own", () => {
    const { btf, id } = types(`
      struct mine { int a; };
      struct val { struct task_struct __kptr *task; struct mine __kptr *mine; struct mine __percpu_kptr *each; };`);
    const { fields } = parseFields(btf, id("val"), ALL, 24, KERNEL)!;
    const [task, mine, each] = fields.map(({ pointer }) => pointer!);
    expect(task).toMatchObject({ kernel: true, hasDestructor: true });
    expect(task!.btf.name(task!.btfId)).toBe("task_struct");
    expect(mine).toEqual({ btf, btfId: id("mine"), kernel: false, hasDestructor: false });
    expect(each!.btfId).toBe(id("mine"));
    const inode = "struct val { struct inode __kptr *inode; };";
    expect(errnoOf(() => fieldsOf(inode))).toBe(Errno.ENOENT);
    expect(fieldsOf(inode.replace("__kptr", "__kptr_untrusted"))).toHaveLength(1);
  });

  it("that are lists name what they hold, and need a lock", () => {
    const node = "struct elem { int a; struct bpf_list_node link; };";
    const { btf, id } = types(
      `${node} struct val { struct bpf_list_head head __contains(elem, link); struct bpf_spin_lock lock; };`,
    );
    const [head] = parseFields(btf, id("val"), ALL, 24, KERNEL)!.fields;
    expect(head!.root).toEqual({ btf, valueBtfId: id("elem"), nodeOffset: 8, valueRecord: null });
    const unlocked = `${node} struct val { struct bpf_list_head head __contains(elem, link); };`;
    expect(errnoOf(() => fieldsOf(unlocked))).toBe(Errno.EINVAL);
    const untold = `${node} struct val { struct bpf_list_head head; struct bpf_spin_lock lock; };`;
    expect(errnoOf(() => fieldsOf(untold))).toBe(Errno.EINVAL);
    const missing = `${node} struct val { struct bpf_list_head head __contains(elem, x); struct bpf_spin_lock lock; };`;
    expect(errnoOf(() => fieldsOf(missing))).toBe(Errno.ENOENT);
    const wrong = `${node} struct val { struct bpf_rb_root root __contains(elem, link); struct bpf_spin_lock lock; };`;
    expect(errnoOf(() => fieldsOf(wrong))).toBe(Errno.EINVAL);
  });

  it("may make it a node of a list and of a tree only with a count of owners", () => {
    const nodes = "struct bpf_list_node l; struct bpf_rb_node r;";
    expect(errnoOf(() => fieldsOf(`struct val { ${nodes} };`))).toBe(Errno.EINVAL);
    expect(fieldsOf(`struct val { ${nodes} struct bpf_refcount refs; };`)).toHaveLength(3);
  });
});

describe("the structs of a BTF with special fields", () => {
  it("are those with such members, tied to what they hold", () => {
    const { btf, id } = types(`
      struct plain { int a; };
      struct elem { struct bpf_rb_node node; int key; };
      struct root { struct bpf_spin_lock lock; struct bpf_rb_root root __contains(elem, node); };`);
    const metas = parseStructMetas(btf, KERNEL);
    expect([...metas.keys()].sort()).toEqual([id("elem"), id("root")].sort());
    const root = metas.get(id("root"))!.record.fields.find(({ type }) => type === FieldType.RB_ROOT)!;
    expect(root.root!.valueRecord).toBe(metas.get(id("elem"))!.record);
  });

  it("must not own each other in circles", () => {
    const text = `
      struct b;
      struct a { struct bpf_spin_lock lock; struct bpf_list_node node; struct bpf_list_head head __contains(b, node); };
      struct b { struct bpf_spin_lock lock; struct bpf_list_node node; struct bpf_list_head head __contains(a, node); };`;
    expect(errnoOf(() => parseStructMetas(types(text.replace("struct b;", "")).btf, KERNEL))).toBe(
      Errno.ELOOP,
    );
  });
});

describe("the special fields of a map's values", () => {
  const create = (text: string, over: { mapType?: number; mapFlags?: number; bpfCapable?: boolean } = {}) => {
    const { btf, id } = types(text);
    return mapRecord({
      btf,
      valueTypeId: id("val"),
      structMetas: parseStructMetas(btf, KERNEL),
      kernel: KERNEL,
      mapType: BpfMapType.HASH,
      mapFlags: 0,
      valueSize: btf.size(id("val")),
      bpfCapable: true,
      ...over,
    });
  };
  const LOCK = "struct val { struct bpf_spin_lock lock; };";
  const TIMER = "struct val { struct bpf_timer timer; };";

  it("depend on the map's type", () => {
    expect(create(LOCK)).toMatchObject({ errno: 0, record: { mask: FieldType.SPIN_LOCK } });
    expect(create(LOCK, { mapType: BpfMapType.LRU_HASH }).errno).toBe(Errno.EOPNOTSUPP);
    expect(create(TIMER, { mapType: BpfMapType.LRU_HASH }).errno).toBe(0);
    expect(create(TIMER, { mapType: BpfMapType.PERCPU_ARRAY }).errno).toBe(Errno.EOPNOTSUPP);
  });

  it("need rights, and programs that may write", () => {
    expect(create(TIMER, { bpfCapable: false })).toEqual({ errno: Errno.EPERM, record: null });
    expect(create(TIMER, { mapFlags: BpfMapFlag.RDONLY_PROG }).errno).toBe(Errno.EACCES);
  });

  it("are as if they were not there where they are wrong", () => {
    const twice = "struct val { struct bpf_timer a; struct bpf_timer b; };";
    expect(create(twice)).toEqual({ errno: 0, record: null });
    expect(create("struct val { int a; };")).toEqual({ errno: 0, record: null });
  });

  it("may be pointers of a user in task storage alone", () => {
    const text = "struct mine { int a; }; struct val { struct mine __uptr *p; };";
    expect(create(text, { mapType: BpfMapType.TASK_STORAGE })).toMatchObject({ errno: 0 });
    expect(create(text, { mapType: BpfMapType.HASH }).errno).toBe(Errno.EOPNOTSUPP);
    const kernel = "struct val { struct task_struct __uptr *p; };";
    expect(create(kernel, { mapType: BpfMapType.TASK_STORAGE }).errno).toBe(Errno.EINVAL);
    const large = "struct mine { int a[1025]; }; struct val { struct mine __uptr *p; };";
    expect(create(large, { mapType: BpfMapType.TASK_STORAGE }).errno).toBe(Errno.E2BIG);
  });
});
