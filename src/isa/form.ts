import type { Insn } from "./insn.ts";
import { lookup } from "./lookup.ts";
import { AUXILIARY_REGISTER, FRAME_POINTER } from "./register.ts";
import type { ConformanceGroup, InsnRow } from "./row.ts";
import { isWide, slotsOf } from "./wide.ts";

/** A slot that is no well-formed instruction, or leads nowhere. */
export interface FormProblem {
  readonly slot: number;
  /** "reserved field off must be 0, got 4" */
  readonly reason: string;
}

export interface FormOptions {
  /** The groups that may occur; by default all that a program may use, that is all but `internal`. */
  readonly groups?: ReadonlySet<ConformanceGroup>;
  /** Problems after which to stop looking; 100 by default. */
  readonly limit?: number;
}

/**
 * What can be said about a program without following its values: unknown instructions, reserved fields, register
 * numbers, writes to the frame pointer, jumps and calls that leave the program or land inside a wide load, and a
 * last instruction that runs on past the end. (The early checks of Linux's `bpf_check`: `check_and_resolve_insns`,
 * `check_subprogs`.) An empty array means well-formed.
 */
export function checkForm(insns: readonly Insn[], options: FormOptions = {}): FormProblem[] {
  const limit = options.limit ?? 100;
  const problems: FormProblem[] = [];
  if (insns.length === 0) return [{ slot: 0, reason: "the program has no instructions" }];
  let last: InsnRow | undefined;
  for (let slot = 0; slot < insns.length && problems.length < limit; ) {
    const insn = insns[slot]!;
    const row = lookup(insn);
    const report = (reason: string): void => {
      problems.push({ slot, reason });
    };
    last = row;
    if (row === undefined) {
      report(unknown(insn));
      slot += slotsOf(insn);
      continue;
    }
    if (options.groups === undefined ? row.group === "internal" : !options.groups.has(row.group)) {
      report(`${row.name} is of group ${row.group}, which is not allowed here`);
    }
    checkFields(insn, row, report);
    checkTarget(insns, slot, insn, row, report);
    if (row.slots === 2) checkSecondSlot(insns[slot + 1], report);
    slot += row.slots;
  }
  const open = last !== undefined && last.kind !== "exit" && last.kind !== "goto";
  if (open && problems.length < limit) {
    problems.push({ slot: insns.length - 1, reason: "the last instruction is neither an exit nor a jump" });
  }
  return problems;
}

function unknown(insn: Insn): string {
  const opcode = insn.opcode.toString(16).padStart(2, "0");
  return `unknown instruction: opcode 0x${opcode}, src ${insn.src}, off ${insn.off}, imm ${insn.imm}`;
}

function checkFields(insn: Insn, row: InsnRow, report: (reason: string) => void): void {
  checkRegister("dst", insn.dst, row.dst, report);
  checkRegister("src", insn.src, row.src, report);
  if (typeof row.off === "number" && insn.off !== row.off) report(reserved("off", row.off, insn.off));
  if (typeof row.imm === "number" && insn.imm !== row.imm) report(reserved("imm", row.imm, insn.imm));
  const writesDst = row.dstAccess === "write" || row.dstAccess === "both";
  const writesSrc = row.srcAccess === "write" || row.srcAccess === "both";
  if ((writesDst && insn.dst === FRAME_POINTER) || (writesSrc && insn.src === FRAME_POINTER)) {
    report("the frame pointer r10 is read-only");
  }
}

function checkRegister(
  name: string,
  value: number,
  rule: "register" | number,
  report: (reason: string) => void,
): void {
  if (rule === "register") {
    if (value >= AUXILIARY_REGISTER) report(`${name} register r${value} does not exist`);
  } else if (value !== rule) {
    report(reserved(name, rule, value));
  }
}

function reserved(field: string, expected: number, got: number): string {
  return `reserved field ${field}: expected ${expected}, got ${got}`;
}

function checkTarget(
  insns: readonly Insn[],
  slot: number,
  insn: Insn,
  row: InsnRow,
  report: (reason: string) => void,
): void {
  const displacement = displacementOf(insn, row);
  if (displacement === undefined) return;
  const target = slot + 1 + displacement;
  const what = row.kind === "call" ? "call" : row.kind === "wide" ? "function address" : "jump";
  if (target < 0 || target >= insns.length) {
    report(`${what} out of range from slot ${slot} to ${target}`);
  } else if (insns[target]!.opcode === 0 && target > 0 && isWide(insns[target - 1]!)) {
    report(`${what} from slot ${slot} into the middle of the wide load at ${target - 1}`);
  }
}

/**
 * How many slots after the next one the instruction leads: of jumps, local calls, and the load of a subprogram's
 * address. `undefined` for all others.
 */
export function displacementOf(insn: Insn, row: InsnRow): number | undefined {
  if (row.off === "target") return insn.off;
  if (row.imm === "target") return insn.imm;
  return undefined;
}

function checkSecondSlot(second: Insn | undefined, report: (reason: string) => void): void {
  if (second === undefined) {
    report("the second slot of the 64-bit immediate load is missing");
  } else if ((second.opcode | second.dst | second.src | second.off) !== 0) {
    report("the second slot of the 64-bit immediate load must be zero but for its immediate");
  }
}
