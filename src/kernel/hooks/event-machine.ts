import type { KernelMemory } from "../../mem/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { RunFrame } from "../run-frame.ts";
import type { KernelTask } from "../tasks/task.ts";
import type { Activity } from "./activity.ts";
import type { ContextBlocks } from "./context-blocks.ts";
import type { EventCall } from "./event-call.ts";
import type { Registers } from "./fire.ts";

/** What is known of something that is counted. */
export interface CountFacts {
  readonly ip?: bigint;
  readonly user?: boolean;
  readonly address?: bigint;
  /** What a sample says of its period; the event's own unless told. */
  readonly period?: bigint;
  /** The record of a trace event. */
  readonly raw?: Uint8Array;
  readonly registers?: Registers;
}

/** Where an event happens, and how programs run for it. */
export interface EventPlace {
  readonly cpu: number;
  readonly task: KernelTask;
  /** Addresses of functions that led there. */
  readonly chain: (user: boolean) => readonly bigint[];
  frame(parts: Partial<RunFrame>): RunFrame;
  run(program: KernelProgram, context: number, frame: RunFrame): number;
  runAlone(program: KernelProgram, context: number, frame: RunFrame): number;
  there<T>(act: () => T): T;
}

/** What events need of the kernel that they happen in. */
export interface EventMachine {
  readonly memory: KernelMemory;
  readonly layout: KernelLayout;
  readonly cpus: number;
  /** Nanoseconds since boot. */
  readonly clock: () => number;
  readonly contexts: ContextBlocks;
  readonly activity: Activity;
  /** As which CPU programs run, how many runs are under way, and whether their instructions are counted. */
  readonly executor: { readonly cpu: number; readonly depth: number; counting: boolean };
  /** Counts for the perf events of what happens. */
  readonly perf: { count(call: EventCall, place: EventPlace, count: bigint, facts: CountFacts): void };
  /** Those who wait for what programs do. */
  readonly events: { happened(): void };
  currentOn(cpu: number): KernelTask;
  onCpu<T>(cpu: number, act: () => T): T;
  asTask<T>(task: KernelTask, act: () => T): T;
  runForEvent(program: KernelProgram, context: number, frame: RunFrame): number;
}
