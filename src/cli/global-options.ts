import type { OptionSpec } from "./options.ts";

/** Options that every command takes. Those of bpftool have its letters; `-l` it still takes, and ignores. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: "json", short: "j", help: "write JSON" },
  { name: "pretty", short: "p", help: "write JSON in lines" },
  { name: "debug", short: "d", help: "say more: the verifier's log" },
  { name: "help", short: "h", help: "show how a command is used" },
  { name: "version", short: "V", help: "show the version" },
  {
    name: "kernel",
    argument: "KERNEL",
    help: "embedded, linux or a socket (also TSBPF_KERNEL)",
  },
  { name: "btf", argument: "FILE", help: "the kernel's types (else the machine's own)" },
  { name: "base-btf", short: "B", argument: "FILE", help: "base of split BTF" },
  { name: "bpffs", short: "f" },
  { name: "mapcompat", short: "m" },
  { name: "nomount", short: "n" },
  { name: "use-loader", short: "L" },
  { name: "legacy", short: "l" },
  { name: "strace", argument: "FILTER", attached: true, later: true },
  { name: "sign", short: "S", later: true },
  { name: "private-key", short: "k", argument: "FILE", later: true },
  { name: "certificate", short: "i", argument: "FILE", later: true },
];
