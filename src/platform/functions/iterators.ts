import type { TypeFlag } from "../helpers/arguments.ts";

/** A member of an iterator's context that is more than a number (`struct bpf_ctx_arg_aux`). */
export interface IteratorArgument {
  /** In `struct bpf_iter__NAME`. */
  readonly member: string;
  readonly type: "PTR_TO_BTF_ID" | "PTR_TO_BUF";
  readonly flags: readonly TypeFlag[];
  /** The kernel's struct behind `PTR_TO_BTF_ID`; else null. */
  readonly btf: string | null;
}

/** Something that iterator programs can walk (`struct bpf_iter_reg`). */
export interface IteratorTarget {
  readonly arguments: readonly IteratorArgument[];
}

function object(member: string, btf: string, ...flags: readonly TypeFlag[]): IteratorArgument {
  return { member, type: "PTR_TO_BTF_ID", flags: ["PTR_MAYBE_NULL", ...flags], btf };
}

function buffer(member: string, ...flags: readonly TypeFlag[]): IteratorArgument {
  return { member, type: "PTR_TO_BUF", flags: ["PTR_MAYBE_NULL", ...flags], btf: null };
}

/** Every iterator of Linux 6.18 by name; programs attach to `bpf_iter_NAME`. */
export const ITERATOR_TARGETS: ReadonlyMap<string, IteratorTarget> = new Map(
  Object.entries({
    bpf_map: [object("map", "bpf_map", "PTR_TRUSTED")],
    bpf_map_elem: [buffer("key", "MEM_RDONLY"), buffer("value")],
    bpf_prog: [object("prog", "bpf_prog")],
    bpf_link: [object("link", "bpf_link")],
    bpf_sk_storage_map: [object("sk", "sock"), buffer("value")],
    cgroup: [object("cgroup", "cgroup", "PTR_TRUSTED")],
    dmabuf: [object("dmabuf", "dma_buf")],
    ipv6_route: [object("rt", "fib6_info")],
    kmem_cache: [object("s", "kmem_cache", "PTR_TRUSTED")],
    ksym: [object("ksym", "kallsym_iter")],
    netlink: [object("sk", "netlink_sock")],
    sockmap: [buffer("key", "MEM_RDONLY"), object("sk", "sock")],
    task: [object("task", "task_struct", "PTR_TRUSTED")],
    task_file: [object("task", "task_struct"), object("file", "file")],
    task_vma: [object("task", "task_struct"), object("vma", "vm_area_struct")],
    tcp: [object("sk_common", "sock_common", "PTR_TRUSTED")],
    udp: [object("udp_sk", "udp_sock", "PTR_TRUSTED")],
    unix: [object("unix_sk", "unix_sock")],
  }).map(([name, args]) => [name, { arguments: args }]),
);
