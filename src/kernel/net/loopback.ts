/** The one network device that every namespace has: what test runs receive their packets on. */
export const LOOPBACK_IFINDEX = 1;

/** In bytes: the longest packet that fits, and then some. */
export const LOOPBACK_MTU = 65536;
