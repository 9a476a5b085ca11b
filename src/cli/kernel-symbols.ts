import { textOf } from "../base/index.ts";
import type { BpfCommands } from "../sys/index.ts";

/** Names of addresses in a kernel, as `/proc/kallsyms` has them. */
export interface Symbols {
  /** Address that the calls of a dumped program count from; 0 where the kernel hides it. */
  readonly callBase: bigint;
  nameOf(address: bigint): string | undefined;
}

/** From the text of kallsyms. With addresses hidden (`kernel.kptr_restrict`) nothing has a name. */
export function parseSymbols(kallsyms: string): Symbols {
  const names = new Map<bigint, string>();
  let callBase = 0n;
  for (const line of kallsyms.split("\n")) {
    const [address, , name] = line.split(/\s+/, 3);
    if (address === undefined || name === undefined || !/^[0-9a-f]+$/i.test(address)) continue;
    const value = BigInt(`0x${address}`);
    if (name === "__bpf_call_base") callBase = value;
    if (value !== 0n && !names.has(value)) names.set(value, name);
  }
  return { callBase, nameOf: (address) => (callBase === 0n ? undefined : names.get(address)) };
}

/** Those of a kernel; empty where it does not tell. */
export function kernelSymbols(sys: BpfCommands): Symbols {
  const text = sys.port.readFile("/proc/kallsyms");
  return parseSymbols(typeof text === "number" ? "" : textOf(text));
}
