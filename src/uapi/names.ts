import { BpfFuncId } from "./generated/bpf-enums.ts";
import { Errno, errnoMessages } from "./generated/errno.ts";
import {
  BpfAttachTypeNames,
  BpfCmdNames,
  BpfLinkTypeNames,
  BpfMapTypeNames,
  BpfProgTypeNames,
} from "./generated/names.ts";

/** Names by number of a constants object; of two names for one number, the first. */
export function namesByValue(constants: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const [name, value] of Object.entries(constants)) if (!names.has(value)) names.set(value, name);
  return names;
}

const errnoNames = /* @__PURE__ */ namesByValue(Errno);
const helperNames = /* @__PURE__ */ namesByValue(BpfFuncId);

/** `"ENOENT"` of 2; `"errno 999"` of a number that has no name. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** What strerror(3) of the GNU C library says: `"No such file or directory"` of 2, `"Unknown error 524"` of ENOTSUPP. */
export function errnoMessage(errno: number): string {
  return errnoMessages[errno] ?? (errno === 0 ? "Success" : `Unknown error ${errno}`);
}

/** `"map_lookup_elem"` of 1, as `enum bpf_func_id` has it behind `BPF_FUNC_`. */
export function helperName(id: number): string | undefined {
  return helperNames.get(id);
}

/** 1 of `"map_lookup_elem"`; undefined where no helper has the name, and of `"unspec"`. */
export function helperId(name: string): number | undefined {
  const id = Object.hasOwn(BpfFuncId, name) ? BpfFuncId[name as keyof typeof BpfFuncId] : 0;
  return id === 0 ? undefined : id;
}

/** What libbpf and bpftool call the values of an enum: the kernel's names without their prefix, in lower case. */
function libbpfNames(names: readonly string[], prefix: string): readonly string[] {
  return names.map((name) => name.slice(prefix.length).toLowerCase());
}

/** `"percpu_hash"` by map type: `libbpf_bpf_map_type_str`. */
export const mapTypeNames: readonly string[] = /* @__PURE__ */ libbpfNames(BpfMapTypeNames, "BPF_MAP_TYPE_");
/** `"sched_cls"` by program type: `libbpf_bpf_prog_type_str`. */
export const progTypeNames: readonly string[] = /* @__PURE__ */ libbpfNames(
  BpfProgTypeNames,
  "BPF_PROG_TYPE_",
);
/** `"cgroup_inet_ingress"` by attach type: `libbpf_bpf_attach_type_str`. */
export const attachTypeNames: readonly string[] = /* @__PURE__ */ libbpfNames(BpfAttachTypeNames, "BPF_");
/** `"raw_tracepoint"` by link type: `libbpf_bpf_link_type_str`. */
export const linkTypeNames: readonly string[] = /* @__PURE__ */ libbpfNames(
  BpfLinkTypeNames,
  "BPF_LINK_TYPE_",
);

/** `"BPF_MAP_CREATE"` of 0; `"command 99"` of a number that is no command. */
export function commandName(command: number): string {
  return BpfCmdNames[command] ?? `command ${command}`;
}
