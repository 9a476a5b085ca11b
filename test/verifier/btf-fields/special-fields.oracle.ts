import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Btf } from "../../../src/btf/index.ts";
import { BpfMapFlag, BpfMapType } from "../../../src/uapi/index.ts";
import { Twins } from "../../kernel/twins.ts";
import { describeWith, liveKernel } from "../../support/referee.ts";
import { CTypes } from "../support/c-types.ts";

const TYPES = [
  BpfMapType.HASH,
  BpfMapType.LRU_HASH,
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_HASH,
  BpfMapType.PERCPU_ARRAY,
];

/** Declarations whose `struct val` is the value of a map. */
const VALUES = [
  "struct val { int a; };",
  "struct val { struct bpf_spin_lock lock; };",
  "struct val { int a; struct bpf_spin_lock lock; long b; };",
  "struct val { struct bpf_spin_lock a; struct bpf_spin_lock b; };",
  "struct val { struct bpf_spin_lock a[2]; };",
  "struct val { struct bpf_res_spin_lock lock; };",
  "struct val { struct bpf_res_spin_lock a; struct bpf_spin_lock b; };",
  "struct val { struct bpf_timer t; };",
  "struct val { struct bpf_timer a; struct bpf_timer b; };",
  "struct val { struct bpf_timer t[1]; };",
  "struct val { struct bpf_timer t[2]; };",
  "struct val { struct bpf_wq w; };",
  "struct val { struct bpf_wq w; struct bpf_timer t; struct bpf_spin_lock l; };",
  "struct val { struct bpf_task_work w; };",
  "struct val { struct bpf_refcount r; };",
  "struct val { struct bpf_refcount r; struct bpf_refcount s; };",
  "struct val { struct bpf_list_node n; };",
  "struct val { struct bpf_rb_node n; };",
  "struct val { struct bpf_list_head h; };",
  "struct val { struct bpf_spin_lock l; struct bpf_list_head h; };",
  "struct in { struct bpf_timer t; }; struct val { int a; struct in i; };",
  "struct in { struct bpf_timer t; }; struct val { struct in i[2]; };",
  "struct in { struct bpf_spin_lock l; }; struct val { struct in a; struct in b; };",
  "struct val { struct task_struct __kptr *p; };",
  "struct val { struct task_struct __kptr_untrusted *p; };",
  "struct val { struct task_struct __percpu_kptr *p; };",
  "struct val { struct task_struct __uptr *p; };",
  "struct val { struct inode __kptr *p; };",
  "struct val { struct inode __kptr_untrusted *p; };",
  "struct val { struct cgroup __kptr *p; struct bpf_cpumask __kptr *q; };",
  "struct mine { int a; }; struct val { struct mine __kptr *p; };",
  "struct mine { int a; }; struct val { struct mine __percpu_kptr *p; };",
  "struct mine { int a; }; struct val { struct mine __uptr *p; };",
  "struct val { struct task_struct __kptr *p[3]; };",
  "struct val { struct task_struct __kptr_untrusted *p[11]; };",
  "struct val { struct task_struct __kptr_untrusted *p[12]; };",
  "struct in { struct task_struct __kptr *p; }; struct val { struct in i[4]; };",
  "struct in { struct task_struct __kptr *p; long x; }; struct val { struct in i[3][2]; };",
  "struct val { int __kptr *p; };",
  "struct val { struct task_struct __user *p; };",
  "struct val { struct task_struct __rcu *p; };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_res_spin_lock l; struct bpf_list_head h __contains(node, n); };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_list_head h __contains(node, n); };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, m); };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(none, n); };",
  "struct node { struct bpf_rb_node n; }; struct val { struct bpf_spin_lock l; struct bpf_rb_root r __contains(node, n); };",
  "struct node { struct bpf_rb_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };",
  "struct node { struct bpf_list_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h[2] __contains(node, n); };",
  "struct node { struct bpf_rb_node r; struct bpf_list_node n; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };",
  "struct node { struct bpf_rb_node r; struct bpf_list_node n; struct bpf_refcount c; }; struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); struct bpf_rb_root t __contains(node, r); };",
  `struct leaf { struct bpf_list_node n; };
   struct node { struct bpf_list_node n; struct bpf_spin_lock l; struct bpf_list_head h __contains(leaf, n); };
   struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };`,
  `struct leaf { struct bpf_list_node n; };
   struct twig { struct bpf_list_node n; struct bpf_spin_lock l; struct bpf_list_head h __contains(leaf, n); };
   struct node { struct bpf_list_node n; struct bpf_spin_lock l; struct bpf_list_head h __contains(twig, n); };
   struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };`,
  `struct node { struct bpf_list_node n; struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };
   struct val { struct bpf_spin_lock l; struct bpf_list_head h __contains(node, n); };`,
];

describeWith([liveKernel("6.18")], "special fields of values as on Linux", async () => {
  const twins = await Twins.meet({ btf: Btf.parse(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux"))) });
  afterAll(() => twins[Symbol.dispose]());

  it.each(VALUES)("%s", (text) => {
    const types = new CTypes(text);
    const bytes = types.bytes();
    const btf = twins.open("BTF_LOAD", { btf: bytes, btfSize: bytes.length }, { ignore: ["btfLogTrueSize"] });
    if (btf !== null) {
      for (const mapType of TYPES) {
        for (const mapFlags of [0, BpfMapFlag.RDONLY_PROG, BpfMapFlag.NO_PREALLOC]) {
          const map = twins.open("MAP_CREATE", {
            mapType,
            keySize: 4,
            valueSize: types.sizeOf("struct val"),
            maxEntries: 4,
            mapFlags,
            btfFd: btf,
            btfKeyTypeId: types.id("int"),
            btfValueTypeId: types.id("struct val"),
          });
          if (map !== null) twins.close(map);
        }
      }
      twins.close(btf);
    }
    expect(twins.taken()).toEqual([]);
  });
});
