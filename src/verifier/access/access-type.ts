/** What an access does to memory: `enum bpf_access_type`. */
export type AccessType = "read" | "write";

/** Who makes it: `enum bpf_access_src`. */
export type AccessSource = "direct" | "helper";

/** What the check of a call remembers of the memory that it lends: the part of `struct bpf_call_arg_meta` for it. */
export interface CallMemory {
  /** The callee fills the memory: it need not be initialised. */
  rawMode: boolean;
  /** The callee may get pointers into the packet. */
  readonly pktAccess: boolean;
  /** The register and the bytes behind it that the callee fills; 0 where there are none. */
  regno: number;
  accessSize: number;
  /** Most that the size argument may be. */
  msizeMaxValue: bigint;
}
