import { KernelStruct } from "../kernel-struct.ts";
import type { EventMachine } from "./event-machine.ts";
import type { FireFacts, FireValue, Registers } from "./fire.ts";
import { wordOf } from "./record.ts";

/** Where a call passes its first six arguments (System V ABI of x86-64). */
const ARGUMENTS = ["di", "si", "dx", "cx", "r8", "r9"] as const;

/** Segments of code: what tells the kernel's registers from a program's of user space. */
const KERNEL_CS = 0x10;
export const USER_CS = 0x33;
const KERNEL_SS = 0x18;
const USER_SS = 0x2b;
/** Interrupts on. */
const FLAGS = 0x246;
/** A stack of the kernel, of which nothing is known but where it could be. */
const KERNEL_STACK = 0xffff_c900_0000_4000n;

/** What a probe finds in registers. */
export interface RegisterFacts {
  readonly ip: bigint;
  readonly user: boolean;
  /** A call ends, and none of the system begins. */
  readonly onReturn?: boolean;
  readonly args?: readonly FireValue[];
  readonly result?: FireValue;
  readonly registers?: Registers;
}

/** What the host knows of the registers. */
export function registersOf({ registers }: FireFacts): Pick<RegisterFacts, "registers"> {
  return registers === undefined ? {} : { registers };
}

/** Fills in a `struct pt_regs` as a call finds it: arguments, result and place, and what the caller knows better. */
export function fillRegisters(machine: EventMachine, offset: number, facts: RegisterFacts): void {
  const regs = new KernelStruct(machine.memory, machine.layout, "pt_regs", offset);
  regs.set("ip", facts.ip);
  regs.set("cs", facts.user ? USER_CS : KERNEL_CS);
  regs.set("ss", facts.user ? USER_SS : KERNEL_SS);
  regs.set("flags", FLAGS);
  if (facts.onReturn === true) regs.set("orig_ax", -1);
  if (!facts.user) regs.set("sp", KERNEL_STACK);
  for (const [index, value] of (facts.args ?? []).slice(0, ARGUMENTS.length).entries())
    regs.set(ARGUMENTS[index]!, wordOf(value));
  if (facts.result !== undefined) regs.set("ax", wordOf(facts.result));
  for (const [name, value] of Object.entries(facts.registers ?? {})) regs.set(name, wordOf(value));
}
