import type { Insn } from "../isa/index.ts";

/**
 * The arguments of `BpfCommands`: the camelCased fields of each command's member of `union bpf_attr` (bpf(2),
 * `include/uapi/linux/bpf.h`). Pointers and their lengths are one `Uint8Array`. A field that is absent is 0.
 */

/** Descriptors, ids and flags are plain numbers; flag words of 64 bits may be given as `bigint` too. */
export type Flags = number | bigint;

export interface MapCreateArguments {
  readonly mapType: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly mapFlags?: number;
  readonly innerMapFd?: number;
  readonly numaNode?: number;
  /** At most 15 bytes. */
  readonly mapName?: string;
  readonly mapIfindex?: number;
  readonly btfFd?: number;
  readonly btfKeyTypeId?: number;
  readonly btfValueTypeId?: number;
  readonly btfVmlinuxValueTypeId?: number;
  readonly mapExtra?: Flags;
  readonly valueTypeBtfObjFd?: number;
  readonly mapTokenFd?: number;
}

/** How element commands name their element. `key` has exactly the map's `key_size` bytes (none for queues and stacks). */
export interface MapKeyArguments {
  readonly mapFd: number;
  readonly key: Uint8Array;
  readonly flags?: Flags;
  /**
   * Bytes that a look-up writes (per-CPU: of all CPUs), where the caller knows them; otherwise the kernel is asked
   * first. It must be right: a live kernel writes as many bytes as the map says, wherever they end.
   */
  readonly userValueSize?: number;
}

export interface MapUpdateArguments extends MapKeyArguments {
  /** `value_size` bytes; for per-CPU maps `round_up(value_size, 8)` bytes for every possible CPU. */
  readonly value: Uint8Array;
}

export interface MapGetNextKeyArguments {
  readonly mapFd: number;
  /** null: the first key. */
  readonly key: Uint8Array | null;
  /** Where the caller knows it; otherwise `key` tells, or the kernel is asked. */
  readonly keySize?: number;
}

export interface MapBatchArguments {
  readonly mapFd: number;
  /** Where to go on: `next` of the batch before; null to begin. */
  readonly position: Uint8Array | null;
  /** How many elements at the most. */
  readonly count: number;
  readonly elemFlags?: Flags;
  readonly flags?: Flags;
  /** Both, where the caller knows them (see {@link MapKeyArguments.userValueSize}). */
  readonly sizes?: { readonly keySize: number; readonly userValueSize: number };
}

/** A batch of elements. The caller owns the buffers. */
export interface MapBatch {
  /** `count` keys of `key_size` bytes, one after the other. */
  readonly keys: Uint8Array;
  /** `count` values as look-ups give them (per-CPU: of all CPUs), one after the other. */
  readonly values: Uint8Array;
  readonly count: number;
  /** For the next call; null where the map's end was reached (ENOENT). */
  readonly next: Uint8Array | null;
}

export interface MapUpdateBatchArguments {
  readonly mapFd: number;
  /** Packed as in {@link MapBatch}: a live kernel reads `count` of each, wherever the buffers end. */
  readonly keys: Uint8Array;
  readonly values: Uint8Array;
  readonly count: number;
  readonly elemFlags?: Flags;
  readonly flags?: Flags;
}

export interface MapDeleteBatchArguments {
  readonly mapFd: number;
  /** Packed as in {@link MapBatch}. */
  readonly keys: Uint8Array;
  readonly count: number;
  readonly elemFlags?: Flags;
  readonly flags?: Flags;
}

export interface ProgLoadArguments {
  readonly progType: number;
  /** Slots, or their bytes as the kernel reads them. */
  readonly insns: readonly Insn[] | Uint8Array;
  readonly license: string;
  readonly logLevel?: number;
  /** Size of the log buffer in bytes; 0 where `logLevel` is 0, 16 MiB at the most. */
  readonly logSize?: number;
  readonly kernVersion?: number;
  readonly progFlags?: number;
  readonly progName?: string;
  readonly progIfindex?: number;
  readonly expectedAttachType?: number;
  readonly progBtfFd?: number;
  /** `struct bpf_func_info` records. */
  readonly funcInfo?: Uint8Array;
  readonly funcInfoRecSize?: number;
  /** `struct bpf_line_info` records. */
  readonly lineInfo?: Uint8Array;
  readonly lineInfoRecSize?: number;
  readonly attachBtfId?: number;
  readonly attachProgFd?: number;
  readonly attachBtfObjFd?: number;
  /** `struct bpf_core_relo` records, for relocation by the kernel. */
  readonly coreRelos?: Uint8Array;
  readonly coreReloRecSize?: number;
  readonly fdArray?: readonly number[];
  readonly progTokenFd?: number;
}

export interface ProgLoadResult {
  readonly fd: number;
  /** What the verifier wrote; empty where `logLevel` is 0. */
  readonly log: string;
}

export interface ProgTestRunArguments {
  readonly progFd: number;
  readonly dataIn?: Uint8Array;
  readonly ctxIn?: Uint8Array;
  /** Size of the buffer for the packet after the run; absent: none is given. */
  readonly dataSizeOut?: number;
  readonly ctxSizeOut?: number;
  readonly repeat?: number;
  readonly flags?: number;
  readonly cpu?: number;
  readonly batchSize?: number;
}

export interface ProgTestRunResult {
  /** r0, unsigned 32 bits. */
  readonly retval: number;
  /** Average nanoseconds of one run. */
  readonly duration: number;
  /** The packet after the run: as much of it as fitted. Empty where no buffer was given. */
  readonly dataOut: Uint8Array;
  /** Bytes of the whole packet after the run, fitted or not. */
  readonly dataSizeOut: number;
  readonly ctxOut: Uint8Array;
  readonly ctxSizeOut: number;
}

export interface BtfLoadArguments {
  readonly btf: Uint8Array;
  readonly logLevel?: number;
  readonly logSize?: number;
  readonly flags?: number;
  readonly tokenFd?: number;
}

export interface ObjPinArguments {
  readonly pathname: string;
  readonly bpfFd: number;
  readonly fileFlags?: number;
  readonly pathFd?: number;
}

export interface ObjGetArguments {
  readonly pathname: string;
  readonly fileFlags?: number;
  readonly pathFd?: number;
}

export interface MapGetFdByIdArguments {
  readonly id: number;
  /** `BPF_F_RDONLY` or `BPF_F_WRONLY`. */
  readonly openFlags?: number;
}

export interface ProgBindMapArguments {
  readonly progFd: number;
  readonly mapFd: number;
  readonly flags?: number;
}
