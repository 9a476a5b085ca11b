/** What a program has taken and must give back: `enum ref_state_type`. Bits, so that locks can be asked for together. */
export const RefType = {
  PTR: 1 << 1,
  IRQ: 1 << 2,
  LOCK: 1 << 3,
  RES_LOCK: 1 << 4,
  RES_LOCK_IRQ: 1 << 5,
} as const;
export const LOCK_MASK: number = RefType.LOCK | RefType.RES_LOCK | RefType.RES_LOCK_IRQ;

/** One thing taken: `struct bpf_reference_state`. Immutable. */
export interface Reference {
  /** One of {@link RefType}. */
  readonly type: number;
  readonly id: number;
  /** Where it was taken, for the message about a leak. */
  readonly insnIdx: number;
  /** Of a lock: the map or BTF that it lies in; compared by identity. */
  readonly object: object | null;
}
