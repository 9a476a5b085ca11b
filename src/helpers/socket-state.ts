/** States of TCP: what kind of object a socket is, and who finds it. */
export const SocketState = { ESTABLISHED: 1, TIME_WAIT: 6, CLOSE: 7, LISTEN: 10, NEW_SYN_RECV: 12 } as const;

/** `sk_fullsock`: neither a request nor what a closed connection leaves behind. */
export function hasFullState(state: number): boolean {
  return state !== SocketState.TIME_WAIT && state !== SocketState.NEW_SYN_RECV;
}

/** `SOCK_RCU_FREE`: who uses such a socket takes no reference. */
export const RCU_FREE = 1 << 23;
