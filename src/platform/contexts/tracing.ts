import { ARGUMENT_BYTES } from "./access.ts";
import type { FieldRewrite, FlatContext, StructContext } from "./context.ts";
import { DWORD, DWORDS, field, NARROW_DWORD, structContext } from "./field.ts";

type FlatRules = Partial<Pick<FlatContext, "start" | "whole" | "write" | "negative" | "first" | "sizes">>;

function flat(view: string, object: string, end: FlatContext["end"], rules: FlatRules = {}): FlatContext {
  return { kind: "flat", view, object, start: 0, whole: false, write: false, negative: false, ...rules, end };
}

/** `PERF_MAX_TRACE_SIZE` */
const TRACE_RECORD = 8192;

/** `kprobe_prog_is_valid_access` */
export const KPROBE_CONTEXT: FlatContext = flat(
  "bpf_user_pt_regs_t",
  "pt_regs",
  { sizeOf: "pt_regs" },
  { whole: true },
);

/** `tp_prog_is_valid_access`; the first word is the pointer to the registers that the kernel itself needs. */
export const TRACEPOINT_CONTEXT: FlatContext = flat("__u64", "u64", TRACE_RECORD, {
  start: 8,
  negative: true,
});

/** `raw_tp_prog_is_valid_access` */
export const RAW_TRACEPOINT_CONTEXT: FlatContext = flat("bpf_raw_tracepoint_args", "u64", ARGUMENT_BYTES);

/** `raw_tp_writable_prog_is_valid_access` */
export const RAW_TRACEPOINT_WRITABLE_CONTEXT: FlatContext = flat(
  "bpf_raw_tracepoint_args",
  "u64",
  ARGUMENT_BYTES,
  { first: { type: "PTR_TO_TP_BUFFER", flags: [], btf: null } },
);

/** `lirc_mode2_is_valid_access`: one number. */
export const LIRC_MODE2_CONTEXT: FlatContext = flat("__u32", "u32", 4, { sizes: [4] });

/** `syscall_prog_is_valid_access` */
export const SYSCALL_CONTEXT: FlatContext = flat("void *", "void *", 0xffff, { write: true });

function sample(name: string): FieldRewrite {
  return {
    kind: "follow",
    pointers: ["bpf_perf_event_data_kern.data"],
    path: `perf_sample_data.${name}`,
    size: 8,
  };
}

/** `pe_prog_is_valid_access`, `pe_prog_convert_ctx_access` */
export const PERF_EVENT_CONTEXT: StructContext = structContext(
  "bpf_perf_event_data",
  "bpf_perf_event_data_kern",
  [
    field("regs", DWORDS, {
      kind: "follow",
      pointers: ["bpf_perf_event_data_kern.regs"],
      path: "",
      size: 8,
      indexed: true,
    }),
    field("sample_period", NARROW_DWORD, sample("period")),
    field("addr", NARROW_DWORD, sample("addr")),
  ],
  {},
);

const trusted = (btf: string) => ({ type: "PTR_TO_BTF_ID", flags: ["PTR_TRUSTED"], btf }) as const;

/** `nf_is_valid_access`; programs see the kernel's struct itself. */
export const NETFILTER_CONTEXT: StructContext = structContext(
  "bpf_nf_ctx",
  "bpf_nf_ctx",
  [
    field("skb", DWORD, { kind: "none" }, trusted("sk_buff")),
    field("state", DWORD, { kind: "none" }, trusted("nf_hook_state")),
  ],
  {},
);
