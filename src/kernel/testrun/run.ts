import { PAGE_SIZE } from "../../mem/index.ts";
import type { AttrValues } from "../../sys/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { Machine } from "../machine.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { Parts } from "../parts.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import { RunStorage } from "./cgroup-storage.ts";

/** The arguments of one BPF_PROG_TEST_RUN. */
export type TestRunArguments = AttrValues<"PROG_TEST_RUN">;

/** One test run: who asks, for what. */
export interface TestRun {
  readonly process: Process;
  readonly machine: Machine;
  readonly program: KernelProgram;
  readonly args: TestRunArguments;
  readonly attr: Attr;
  readonly control: RunControl;
}

/** How far a test run is, and whether it goes on. */
export interface RunControl {
  /** Times that the program has run. */
  runs: number;
  /** Asked between two parts. */
  goesOn(): boolean;
}

export interface RunResult {
  /** r0 of the last run, unsigned 32 bits. */
  readonly retval: number;
  /** Average nanoseconds of one run. */
  readonly duration: number;
}

/** Nanoseconds after which runs pause, and the most runs before that. */
const SLICE = 10_000_000;
const MAX_SLICE = 1 << 16;

/**
 * Runs the program on a context that is in place, as often as was asked for (`bpf_test_run`), in parts between which
 * those who wait for records have their turn; or less often, where it is not to go on.
 */
export function* runRepeated(run: TestRun, context: number): Parts<RunResult> {
  const { machine, program, args, control } = run;
  const repeat = args.repeat === 0 ? 1 : args.repeat;
  using _storage = new RunStorage(machine, program);
  let retval = 0;
  let spent = 0;
  for (let slice = 1; ; ) {
    const count = Math.min(slice, repeat - control.runs);
    const began = machine.clock();
    retval = machine.runMany(program, context, count);
    const taken = machine.clock() - began;
    spent += taken;
    control.runs += count;
    if (control.runs === repeat) break;
    if (slice < MAX_SLICE && taken < SLICE / 2) slice *= 2;
    yield;
    if (!control.goesOn()) break;
  }
  return { retval: retval >>> 0, duration: Math.min(Math.floor(spent / control.runs), 0xffff_ffff) };
}

/**
 * The context that the caller gave, filled up with zeros to the kernel's size; null where the caller gave none and
 * wants none back (`bpf_ctx_init`). E2BIG where the caller's struct is longer than ours and says something there.
 */
export function contextIn({ process, args }: TestRun, size: number): Uint8Array | null {
  if (args.ctxIn === 0n && args.ctxOut === 0n) return null;
  if (args.ctxIn === 0n) return new Uint8Array(size);
  if (args.ctxSizeIn > PAGE_SIZE) refuse(Errno.E2BIG);
  return paddedContext(process.read(args.ctxIn, args.ctxSizeIn), size);
}

/** A context of the kernel's size. E2BIG where the caller's is longer and says something there. */
export function paddedContext(given: Uint8Array, size: number): Uint8Array {
  if (given.subarray(size).some((byte) => byte !== 0)) refuse(Errno.E2BIG);
  const context = new Uint8Array(size);
  context.set(given.subarray(0, size));
  return context;
}

/** The packet after the runs; its bytes are collected only where the caller wants them. */
export interface PacketOut {
  readonly length: number;
  readonly bytes: () => Uint8Array;
}

/**
 * Gives the packet and the result back (`bpf_test_finish`); of a packet in parts, `fragments` bytes at its end are in
 * fragments.
 *
 * @returns 0 or a negative errno: ENOSPC where the buffer was too small, and then also where it is none.
 */
export function finish(
  { process, args, attr }: TestRun,
  packet: PacketOut,
  result: RunResult,
  fragments = 0,
): number {
  const short = args.dataSizeOut !== 0 && packet.length > args.dataSizeOut;
  // A size of 0 with a buffer: callers that trust the kernel to fit.
  const length = short ? args.dataSizeOut : packet.length;
  if (args.dataOut !== 0n) {
    // What is missing is missing at the end of the first part.
    const linear = length - fragments;
    if (linear < 0) return -Errno.ENOSPC;
    const bytes = packet.bytes();
    const given = new Uint8Array(length);
    given.set(bytes.subarray(0, linear));
    given.set(bytes.subarray(bytes.length - fragments), linear);
    if (!process.memory.write(args.dataOut, given)) return short ? -Errno.ENOSPC : -Errno.EFAULT;
  }
  attr.put("PROG_TEST_RUN", "dataSizeOut", packet.length);
  attr.put("PROG_TEST_RUN", "retval", result.retval);
  attr.put("PROG_TEST_RUN", "duration", result.duration);
  return short ? -Errno.ENOSPC : 0;
}

/** Gives the context back (`bpf_ctx_finish`). ENOSPC where the buffer was too small, and then also where it is none. */
export function finishContext({ process, args, attr }: TestRun, context: Uint8Array | null): number {
  if (context === null || args.ctxOut === 0n) return 0;
  const length = Math.min(context.length, args.ctxSizeOut);
  const short = length < context.length;
  if (!process.memory.write(args.ctxOut, context.subarray(0, length))) {
    return short ? -Errno.ENOSPC : -Errno.EFAULT;
  }
  attr.put("PROG_TEST_RUN", "ctxSizeOut", context.length);
  return short ? -Errno.ENOSPC : 0;
}

/** Refuses arguments that a kind of program has no use for. */
export function refuseUnused(args: TestRunArguments, names: readonly (keyof TestRunArguments)[]): void {
  for (const name of names) if (args[name] !== 0 && args[name] !== 0n) refuse(Errno.EINVAL);
}
