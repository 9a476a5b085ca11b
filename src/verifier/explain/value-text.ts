/** What a value of a log is, in plain words: `"a pointer to a map value that may be NULL"`. */
export function valueText(value: string): string {
  const type = /^[a-zA-Z_]+/.exec(value)?.[0] ?? "";
  const nullable = /_or_null_?/.test(value);
  const plain = type.replace(/_or_null_?$/, "");
  for (const [pattern, text] of TYPES) {
    if (pattern.test(plain)) return nullable ? `${text} that may be NULL` : text;
  }
  if (/^P?-?\d|^P?0x|^inv-?\d|^invP-?\d/.test(value)) {
    return `the number ${value.replace(/^(?:inv)?P?/, "")}`;
  }
  return type === "" ? value : `a value of type ${type}`;
}

const TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(?:P?scalar|inv|invP|unknown)$/, "a number"],
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

/** What the log knows of a number's size: `"0 to 255"`; null where it knows nothing. */
export function rangeText(value: string): string | null {
  const number = /^(?:inv)?P?(-?\d+|0x[0-9a-f]+)$/.exec(value);
  if (number !== null) return `exactly ${number[1]}`;
  const low = limitOf(value, ["umin", "smin", "umin_value", "smin_value"]);
  const high = limitOf(value, ["umax", "smax", "umax_value", "smax_value"]);
  if (low === null && high === null) return null;
  if (low === null) return `at most ${high}`;
  return high === null ? `at least ${low}` : `${low} to ${high}`;
}

function limitOf(value: string, names: readonly string[]): string | null {
  for (const name of names) {
    const match = new RegExp(`[(,=]${name}=(?:[a-z0-9_]+=)*(-?\\w+)`).exec(value);
    if (match !== null) return match[1]!;
  }
  return null;
}
