import { helperName } from "../uapi/index.ts";

/** What the log of a load says of a program that calls a helper without a body: the load is EOPNOTSUPP. */
export function unsupportedHelper(id: number): string {
  return `helper bpf_${helperName(id) ?? "unknown"}#${id} is not supported by this kernel`;
}

/** The same of a function of the kernel. */
export function unsupportedKfunc(name: string): string {
  return `kfunc ${name} is not supported by this kernel`;
}
