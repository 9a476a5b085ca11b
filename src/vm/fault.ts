import { hex64, s64, u64 } from "../base/index.ts";
import { KERNEL_BASE_HIGH, type KernelMemory, type Region, RegionAccess } from "../mem/index.ts";
import type { Fault } from "./engine.ts";
import { RECORD_SIZE } from "./interp/record.ts";
import { FaultCode, FRAME_STACK, MAX_FRAMES, State, SUBPROGRAM } from "./state.ts";

const KIND_OF: ReadonlyMap<number, Fault["kind"]> = new Map(
  Object.entries(FaultCode).map(([kind, code]) => [code, kind as Fault["kind"]]),
);

/** What tells of a fault: an executor, after a run. */
export interface FaultSource {
  readonly memory: KernelMemory;
  /** The stack area: its lowest offset, and the one behind it. */
  readonly stackLow: number;
  readonly stackEnd: number;
  readonly budget: number;
  /** What WebAssembly said of the last trap. */
  readonly trap: string;
  /** What a helper or kfunc is called, by its number. */
  calleeName(number: number): string;
  /** A word of the state block, signed. */
  word(at: number): number;
}

/** Reads the fault that a run left in the state block. */
export function faultOf(executor: FaultSource): Fault {
  const kind = KIND_OF.get(executor.word(State.FAULT)) ?? "instruction";
  const code = executor.word(State.FAULT_CODE);
  const pc = executor.word(State.FAULT_PC);
  // Engines without records leave the slot itself, and no first record.
  const slot = code === 0 ? pc : (pc - code) / RECORD_SIZE;
  const addressed = kind === "access" || kind === "argument";
  const address = addressed
    ? u64(executor.word(State.FAULT_ADDRESS), executor.word(State.FAULT_ADDRESS + 4))
    : null;
  return { kind, slot, address, message: messageFor(executor, kind, address ?? 0n) };
}

function messageFor(executor: FaultSource, kind: Fault["kind"], address: bigint): string {
  switch (kind) {
    case "access":
      return refusal(executor, address);
    case "argument": {
      const callee = executor.calleeName(executor.word(State.FAULT_HELPER));
      const argument = executor.word(State.FAULT_ARGUMENT);
      return `argument ${argument} of ${callee}: ${refusal(executor, address)}`;
    }
    case "call":
      return "expected a function to call, got a register that holds none";
    case "budget":
      return `expected at most ${executor.budget} instructions, got more`;
    case "interrupted":
      return "the run was interrupted";
    case "stack":
      return `expected at most ${MAX_FRAMES} frames of ${FRAME_STACK} bytes of stack, got one more`;
    case "trap":
      return `expected code that does what its verifier has proven, got a trap: ${executor.trap}`;
    case "instruction":
      return "expected an instruction, got the end of the program or a reserved slot";
  }
}

const WORDS: ReadonlyMap<number, string> = new Map([
  [RegionAccess.READ, "readable"],
  [RegionAccess.WRITE, "writable"],
  [RegionAccess.READ_WRITE, "readable and writable"],
]);

/** "expected 8 readable bytes, got an address outside every region: 0x10". */
function refusal(executor: FaultSource, address: bigint): string {
  const size = executor.word(State.FAULT_SIZE) >>> 0;
  const access = executor.word(State.FAULT_ACCESS);
  const offset = Number(address & 0xffff_ffffn);
  const kernel = Number(s64(0, Number(address >> 32n)) >> 32n) === KERNEL_BASE_HIGH;
  const region = kernel ? executor.memory.regions.find(offset) : null;
  if (access === RegionAccess.MAP) {
    return `expected a map, got ${region === null ? "an address outside every region" : region.what}: ${hex64(address)}`;
  }
  if (access === SUBPROGRAM) return `expected a subprogram, got another address: ${hex64(address)}`;
  if (access === 0) return `expected the context, got another address: ${hex64(address)}`;
  const wanted = `expected ${size} ${WORDS.get(access) ?? "accessible"} ${size === 1 ? "byte" : "bytes"}`;
  return `${wanted}, got ${found(executor, { offset, access, size, kernel, region })}: ${hex64(address)}`;
}

interface Refused {
  readonly offset: number;
  readonly access: number;
  readonly size: number;
  readonly kernel: boolean;
  readonly region: Region | null;
}

function found(executor: FaultSource, { offset, access, size, kernel, region }: Refused): string {
  if (!kernel) return "an address outside the kernel's memory";
  // Nearer than another frame: further away it is anybody's guess what was meant.
  if (offset >= executor.stackLow - FRAME_STACK && offset < executor.stackEnd + FRAME_STACK)
    return "an address outside the stack";
  if (region === null) return "an address outside every region";
  if ((access & ~region.access) !== 0) return `${region.what}, which is ${rights(region.access)}`;
  const end = region.stride === 0 ? region.end : elementEnd(region, offset);
  return end > offset
    ? `${region.what}, ${size - (end - offset)} bytes past its end`
    : `a gap in ${region.what}`;
}

function elementEnd(region: Region, offset: number): number {
  return offset - ((offset - region.start) % region.stride) + region.size;
}

function rights(access: number): string {
  if ((access & RegionAccess.READ_WRITE) === RegionAccess.READ) return "read-only";
  return (access & RegionAccess.WRITE) === 0 ? "not accessible" : "write-only";
}
