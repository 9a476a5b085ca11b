import type { KernelMemory } from "../mem/index.ts";

/** Where the members of a `struct sock` lie that maps of sockets look at, by the kernel's BTF. */
export interface SocketLayout {
  readonly family: number;
  readonly state: number;
  readonly flags: number;
  readonly references: number;
  readonly type: number;
  readonly protocol: number;
  readonly userData: number;
  /** `skc_node.pprev`: of a socket that packets find. */
  readonly hashed: number;
}

/** The block of such a map: places in a `struct sock`, then a word pair of each CPU, for the value of an update. */
export const SocketField = {
  FAMILY: 0,
  STATE: 4,
  FLAGS: 8,
  REFERENCES: 12,
  TYPE: 16,
  PROTOCOL: 20,
  USER_DATA: 24,
  HASHED: 28,
  VALUES: 32,
} as const;

/** Bytes of the block. */
export function socketFieldsSize(cpus: number): number {
  return SocketField.VALUES + 8 * cpus;
}

export function writeSocketFields(memory: KernelMemory, at: number, layout: SocketLayout): void {
  const view = memory.view();
  view.setUint32(at + SocketField.FAMILY, layout.family, true);
  view.setUint32(at + SocketField.STATE, layout.state, true);
  view.setUint32(at + SocketField.FLAGS, layout.flags, true);
  view.setUint32(at + SocketField.REFERENCES, layout.references, true);
  view.setUint32(at + SocketField.TYPE, layout.type, true);
  view.setUint32(at + SocketField.PROTOCOL, layout.protocol, true);
  view.setUint32(at + SocketField.USER_DATA, layout.userData, true);
  view.setUint32(at + SocketField.HASHED, layout.hashed, true);
}
