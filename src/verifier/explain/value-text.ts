import { exactOf, rangeOf, rangeWords } from "./value-range.ts";

/** What a value of a log is, in plain words: `"a pointer to a map value that may be NULL"`. */
export function valueText(value: string): string {
  const exact = exactOf(value);
  if (exact !== null)
    return exact === 0n ? "0" : `the number ${rangeWords(rangeOf(value))?.replace("exactly ", "")}`;
  const type = /^[a-zA-Z_]+/.exec(value)?.[0] ?? "";
  const nullable = /_or_null_?/.test(value);
  const plain = type.replace(/_or_null_?$/, "");
  for (const [pattern, text] of TYPES) {
    if (!pattern.test(plain)) continue;
    if (text !== NUMBER) return nullable ? `${text} that may be NULL` : text;
    const range = rangeWords(rangeOf(value));
    return range === null ? "any number" : `a number, ${range}`;
  }
  return type === "" ? value : `a value of type ${type}`;
}

/** What lies at a pointer: `"the context"`, `"the packet"`. */
export function memoryText(base: string | null): string {
  const kind = /^(ctx|pkt|map_value|fp)/.exec(base ?? "")?.[1];
  switch (kind) {
    case "ctx":
      return "the context";
    case "pkt":
      return "the packet";
    case "map_value":
      return "a map value";
    case "fp":
      return "the stack";
    default:
      return "memory";
  }
}

const NUMBER = "a number";

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(?:P?scalar|inv|invP|unknown)$/, NUMBER],
  [/^ctx$/, "the context"],
  [/^fp/, "a pointer to the stack"],
  [/^map_ptr$/, "a map"],
  [/^map_value$/, "a pointer to a map value"],
  [/^map_key$/, "a pointer to a map key"],
  [/^pkt$/, "a pointer into the packet"],
  [/^pkt_meta$/, "a pointer to the packet's metadata"],
  [/^pkt_end$/, "the end of the packet"],
  [/^flow_keys$/, "a pointer to flow keys"],
  [/^sock$/, "a pointer to a socket"],
  [/^sock_common$/, "a pointer to the common part of a socket"],
  [/^tcp_sock$/, "a pointer to a TCP socket"],
  [/^xdp_sock$/, "a pointer to an XDP socket"],
  [/^(?:rdonly_)?(?:ringbuf_)?mem$/, "a pointer to memory"],
  [/^(?:rdonly_|rdwr_)?buf$/, "a pointer to a buffer"],
  [/^tp_buffer$/, "a pointer to a tracepoint's buffer"],
  [/^arena$/, "a pointer into the arena"],
  [/^func$/, "a pointer to a function"],
  [/^dynptr_ptr$/, "a dynptr"],
  [/^(?:trusted_|rcu_|untrusted_|user_|percpu_)*ptr_/, "a pointer to a kernel object"],
];
