/**
 * What the context of a program is, as far as helpers of one number differ by it: a packet, a socket, or what hooks of
 * control groups get of one. `other` contexts are not looked into.
 */
export type ContextKind = "skb" | "xdp" | "sock" | "sockAddr" | "sockOps" | "other";
