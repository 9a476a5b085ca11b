import type { MapShape, OperationIndices } from "../../maps/index.ts";
import type { KernelMemory } from "../../mem/index.ts";
import type { KernelLayout } from "../../platform/index.ts";
import type { BpfExecutor, Engine, JitOptions } from "../../vm/index.ts";
import type { Device } from "../net/device.ts";
import type { KernelMap } from "../objects/map.ts";
import type { StructAllocator } from "../struct-allocator.ts";
import type { ExecutorBoot } from "./messages.ts";

/** What executors on other threads need of their kernel. */
export interface ExecutorMachine {
  readonly memory: KernelMemory;
  /** That of the kernel's own thread. */
  readonly executor: BpfExecutor;
  readonly engine: Engine;
  readonly jit: JitOptions | undefined;
  /** 32 random bits, unsigned. */
  readonly random: () => number;
  /** Whether its clock is the caller's, and not the platform's. */
  readonly ownClock: boolean;
  readonly types: ExecutorBoot["types"];
  readonly flowKey: readonly [number, number, number, number];
  readonly layout: KernelLayout;
  readonly structs: StructAllocator;
  /** The device that test runs receive their packets on. */
  readonly loopback: Device;
  mapAt(offset: number): KernelMap | undefined;
  operationIndices(shape: MapShape): OperationIndices;
  quiesce(): void;
}
