import type { Flags } from "./arguments.ts";
import type { AttrInput } from "./attr.ts";

/** BPF_PROG_ATTACH and BPF_PROG_DETACH. A target is a descriptor or, for tcx and netkit, an interface. */
export type ProgAttachArguments = AttrInput<"PROG_ATTACH">;

export interface ProgQueryArguments {
  readonly targetFd?: number;
  readonly targetIfindex?: number;
  readonly attachType: number;
  readonly queryFlags?: number;
  /** Also the attach flags of each program, and ids and flags of links: what mprog hooks tell (Linux 6.6). */
  readonly details?: boolean;
}

export interface ProgQueryResult {
  readonly progIds: Uint32Array;
  readonly attachFlags: number;
  readonly revision: bigint;
  /** By program; empty unless `details` were asked for. 0 where a program is not attached by a link. */
  readonly progAttachFlags: Uint32Array;
  readonly linkIds: Uint32Array;
  readonly linkAttachFlags: Uint32Array;
}

export interface RawTracepointOpenArguments {
  readonly progFd: number;
  /** Absent for programs that name their target by BTF. */
  readonly name?: string;
  readonly cookie?: Flags;
}

type LinkCreateBuffers =
  | "iterInfo"
  | "iterInfoLen"
  | "kprobeMultiSyms"
  | "kprobeMultiAddrs"
  | "kprobeMultiCookies"
  | "kprobeMultiCnt"
  | "uprobeMultiPath"
  | "uprobeMultiOffsets"
  | "uprobeMultiRefCtrOffsets"
  | "uprobeMultiCookies"
  | "uprobeMultiCnt";

/** BPF_LINK_CREATE: the fields of one arm of the union, beside those that all kinds of links have. */
export interface LinkCreateArguments extends Omit<AttrInput<"LINK_CREATE">, LinkCreateBuffers> {
  /** `union bpf_iter_link_info` */
  readonly iterInfo?: Uint8Array;
  /** Names, or else addresses, of kernel functions. */
  readonly kprobeMultiSyms?: readonly string[];
  readonly kprobeMultiAddrs?: readonly bigint[];
  readonly kprobeMultiCookies?: readonly bigint[];
  readonly uprobeMultiPath?: string;
  readonly uprobeMultiOffsets?: readonly bigint[];
  readonly uprobeMultiRefCtrOffsets?: readonly bigint[];
  readonly uprobeMultiCookies?: readonly bigint[];
}

export type LinkUpdateArguments = AttrInput<"LINK_UPDATE">;

export interface TaskFdQueryResult {
  readonly progId: number;
  /** A value of `BpfTaskFdType`. */
  readonly fdType: number;
  readonly probeOffset: bigint;
  readonly probeAddr: bigint;
  /** A tracepoint, a function or a file, by `fdType`. */
  readonly name: string;
}
