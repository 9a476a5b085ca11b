import type { Insn } from "../../isa/index.ts";
import type { KernelLayout, ProgramType } from "../../platform/index.ts";
import type { Environment } from "../environment/environment.ts";
import type { BtfRecord } from "../environment/record.ts";
import type { FixupMap } from "./map.ts";

/** A program as it was loaded. */
export interface FixupInput {
  readonly insns: readonly Insn[];
  readonly type: ProgramType;
  /** A value of `BpfAttachType`. */
  readonly expectedAttachType: number;
  /** Loaded with `BPF_F_SLEEPABLE`. */
  readonly sleepable?: boolean;
  /** The map that each LD_IMM64 of one refers to, by slot. */
  readonly maps: ReadonlyMap<number, FixupMap>;
  /** Addresses of kernel variables (`BPF_PSEUDO_BTF_ID`), by slot. */
  readonly addresses?: ReadonlyMap<number, bigint>;
}

/**
 * - `tsbpf`: what engines run. Calls of helpers stay by number, map addresses are in place.
 * - `linux-x86_64`: what Linux 6.18 shows of a privileged program (`xlated` of its info): lookups written out, calls
 *   as distances of kernel functions, maps by id.
 */
export type FixupTarget = "tsbpf" | "linux-x86_64";

export interface FixupOptions {
  readonly target: FixupTarget;
  readonly layout: KernelLayout;
  /** Address of a kernel symbol for `linux-x86_64`; without it, or where it gives null, calls have `imm` 0. */
  readonly symbolAddress?: (name: string) => bigint | null;
  /** Address by which a kfunc gets to know the special fields of a struct, for `tsbpf`; 0 where it is not given. */
  readonly recordAddress?: (record: BtfRecord) => bigint;
  /** What the verifier found out about the program; absent where it was taken unverified, and facts are guessed. */
  readonly verified?: Environment;
}

export interface FixupResult {
  readonly insns: readonly Insn[];
  /**
   * Slot given → slot made, the end of the program included. What was removed maps to what follows it; see
   * `removed`.
   */
  readonly slotMap: Int32Array;
  /** 1 for each given slot that is gone; null where none is. */
  readonly removed: Uint8Array | null;
  /** First slots of the functions, in `insns`. */
  readonly functions: readonly number[];
  /** The map that each wide load gives the address of, by slot of `insns`. */
  readonly maps: ReadonlyMap<number, FixupMap>;
  /** The kfunc that each call of one calls, by slot of `insns`. */
  readonly kfuncs: ReadonlyMap<number, string>;
  /** First slot of the function that catches what is thrown, in `insns`; 0 where there is none. */
  readonly exceptionCallback: number;
  /** The program writes to its packet through a pointer. */
  readonly writesPacket: boolean;
  /** Ids of the helpers that are called, internal ones included. */
  readonly helpers: ReadonlySet<number>;
  /** End of the furthest access to the context: how many bytes of it a test run has to be given. */
  readonly maxContextOffset: number;
}
