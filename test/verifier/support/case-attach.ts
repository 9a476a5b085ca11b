import type { CaseAttach } from "./verifier-case.ts";

/**
 * The kernel's type that a program is attached to, by the name that people use: a function, a tracepoint, an LSM hook,
 * an iterator (`task`), a struct_ops member (`tcp_congestion_ops.ssthresh`).
 */
export function attachOf(type: string, attachType: string | undefined, name: string): CaseAttach {
  if (type === "struct_ops") {
    const [struct = "", member = ""] = name.split(".");
    return { name: struct, kind: "STRUCT", member };
  }
  const prefixed = (prefix: string) => (name.startsWith(prefix) ? name : prefix + name);
  if (type === "lsm") return { name: prefixed("bpf_lsm_"), kind: "FUNC", member: null };
  if (attachType === "trace_iter") return { name: prefixed("bpf_iter_"), kind: "FUNC", member: null };
  if (attachType === "trace_raw_tp") return { name: prefixed("btf_trace_"), kind: "TYPEDEF", member: null };
  return { name, kind: "FUNC", member: null };
}
