import type { ContextKind, CurrentTask } from "../../helpers/index.ts";
import type { MapShape } from "../../maps/index.ts";
import type { MemoryHandle } from "../../mem/index.ts";
import type { EngineInput, Fault, JitOptions } from "../../vm/index.ts";

/** What an executor on another thread is made of: the first message that it is sent. */
export interface ExecutorBoot {
  readonly memory: MemoryHandle;
  /** As the memory's epochs know it. */
  readonly id: number;
  readonly engine: "interp" | "jit";
  readonly jit: JitOptions | undefined;
  /** Instructions that a run may have where they are counted. */
  readonly budget: number;
  /** The kernel's types as BTF; null: the default ones. */
  readonly types: { readonly bytes: Uint8Array; readonly pointerSize: 4 | 8 } | null;
  /** What `performance.now()` of the kernel's thread counts from. */
  readonly timeOrigin: number;
  readonly seed: number;
  readonly flowKey: readonly [number, number, number, number];
  /** Function indices that each executor has for itself. */
  readonly ownIndices: { readonly first: number; readonly end: number };
}

/** A program as data, to be compiled by another executor: helpers and kfuncs it has itself. */
export interface PortableProgram {
  /** Of `KernelProgram`. */
  readonly id: number;
  /** Index by which tail calls reach it; 0: none does. */
  readonly entry: number;
  readonly context: ContextKind;
  readonly code: PortableCode;
}

/** `EngineInput` without the bodies of helpers and kfuncs. */
export type PortableCode = Omit<EngineInput, "helpers" | "kfuncs">;

/** The operations of a map's shape, with the indices that they have in every executor's table. */
export interface PortableShape {
  readonly shape: MapShape;
  readonly indices: readonly (readonly [name: string, index: number])[];
}

/** What helpers tell of the task that runs, as data. */
export interface PortableTask extends Omit<CurrentTask, "cgroup"> {
  /** Ids of its control group and of those above it, the root first. */
  readonly cgroups: readonly number[];
}

/** Runs of a program as one CPU. */
export interface CpuJob {
  readonly cpu: number;
  /** Offset of the context. */
  readonly context: number;
  readonly repeat: number;
}

/** What one executor does of a parallel run. */
export interface ExecutorJob {
  readonly program: number;
  readonly cpus: readonly CpuJob[];
  /** Whether somebody counts the instructions that the CPUs execute. */
  readonly counting: boolean;
  /** Offset of the words of {@link JobWord}. */
  readonly control: number;
  /** Executors that begin together. */
  readonly parties: number;
  readonly task: PortableTask;
  /** Indices of the devices of the task's network namespace. */
  readonly devices: readonly number[];
}

/** Words that all executors of a parallel run share, as byte offsets. */
export const JobWord = {
  /** Not 0: no further slice begins. */
  STOP: 0,
  /** Executors that are ready to begin. */
  ARRIVED: 4,
  /** Executors that are done. */
  DONE: 8,
  SIZE: 64,
} as const;

/** What came of the runs as one CPU. */
export interface CpuOutcome {
  readonly cpu: number;
  readonly runs: number;
  /** r0 of the last run, unsigned 32 bits. */
  readonly retval: number;
  readonly nanoseconds: number;
  /** Instructions, where they are counted; else 0. */
  readonly executed: number;
  readonly fault: Fault | null;
}

/** A line of `bpf_trace_printk`. */
export interface TraceLine {
  readonly cpu: number;
  /** Nanoseconds since boot. */
  readonly time: number;
  readonly text: Uint8Array;
}

export interface JobOutcome {
  readonly cpus: readonly CpuOutcome[];
  readonly lines: readonly TraceLine[];
  /** How many lines there was no room for, by CPU. */
  readonly linesLost: readonly (readonly [cpu: number, count: number])[];
}

/** What an executor can be asked. */
export type ExecutorRequest =
  | { readonly kind: "boot"; readonly boot: ExecutorBoot }
  | {
      readonly kind: "load";
      readonly programs: readonly PortableProgram[];
      readonly shapes: readonly PortableShape[];
    }
  | { readonly kind: "unload"; readonly program: number }
  | { readonly kind: "run"; readonly job: ExecutorJob };

export interface Ask {
  readonly number: number;
  readonly request: ExecutorRequest;
}

export type Answer =
  | { readonly number: number; readonly outcome: JobOutcome | null }
  | { readonly number: number; readonly error: { readonly message: string; readonly stack: string } };
