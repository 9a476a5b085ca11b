import type { Btf } from "../../src/btf/index.ts";
import { layoutOf, layoutSource } from "./layout.ts";
import { camelCase } from "./source.ts";

/** What OBJ_GET_INFO_BY_FD answers, and what the caller puts in: their `__u64`s hold addresses. */
const INFO = ["bpf_prog_info", "bpf_map_info", "bpf_btf_info", "bpf_link_info"];

/** Contexts as programs see them, and the structs they point to. */
const CONTEXTS = [
  ...["__sk_buff", "xdp_md", "sk_msg_md", "sk_reuseport_md", "bpf_sk_lookup", "bpf_sock", "bpf_tcp_sock"],
  ...[
    "bpf_sock_addr",
    "bpf_sock_ops",
    "bpf_sockopt",
    "bpf_sysctl",
    "bpf_cgroup_dev_ctx",
    "bpf_perf_event_data",
  ],
  ...["bpf_flow_keys", "bpf_nf_ctx"],
];

/** Arguments and results of helpers, and values of special maps. */
const HELPER_STRUCTS = [
  ...[
    "bpf_fib_lookup",
    "bpf_tunnel_key",
    "bpf_xfrm_state",
    "bpf_sock_tuple",
    "bpf_redir_neigh",
    "bpf_pidns_info",
  ],
  ...["bpf_perf_event_value", "bpf_devmap_val", "bpf_cpumap_val", "bpf_cgroup_storage_key", "btf_ptr"],
];

const PERF = ["perf_event_attr", "perf_event_header", "perf_event_mmap_page"];

function declaration(btf: Btf, name: string, addresses: boolean): string {
  const as = camelCase(name.replace(/^__/, "bpf_"));
  const layout = layoutSource(layoutOf(btf, name, { addresses }), "");
  return `/** \`struct ${name}\`. */\nexport const ${as} = ${layout} as const satisfies Layout;`;
}

export function structFiles(btf: Btf): Record<string, string[]> {
  const all = (names: readonly string[], addresses = false) =>
    names.map((name) => declaration(btf, name, addresses));
  return {
    "info.ts": all(INFO, true),
    "contexts.ts": all(CONTEXTS),
    "helper-structs.ts": all(HELPER_STRUCTS),
    "perf-structs.ts": all(PERF),
  };
}
