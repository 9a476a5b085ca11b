import { helperId, helperName } from "../uapi/index.ts";

/** What stands before a name of `enum bpf_func_id` where C calls the helper. */
export const HELPER_PREFIX = "bpf_";

/** `"bpf_map_lookup_elem"` of 1. */
export function helperText(id: number): string | undefined {
  const name = helperName(id);
  return name === undefined ? undefined : `${HELPER_PREFIX}${name}`;
}

/** 1 of `"bpf_map_lookup_elem"`. */
export function helperOf(name: string): number | undefined {
  return name.startsWith(HELPER_PREFIX) ? helperId(name.slice(HELPER_PREFIX.length)) : undefined;
}
