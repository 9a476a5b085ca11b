import { NotSupported } from "../../base/index.ts";
import { displacementOf, type Insn, type InsnRow, lookup, rowNamed, WideKind } from "../../isa/index.ts";
import { CodeError } from "../code-error.ts";
import { TAIL_CALL } from "../emit-adapter.ts";
import type { EngineInput } from "../engine.ts";
import { CODE_BASE_HIGH } from "../signatures.ts";
import { REGISTER_SIZE } from "../state.ts";
import { ExtraArm } from "./emit-dispatch.ts";
import { RECORD_SIZE, Record } from "./record.ts";

/** The last register of a window: Linux's auxiliary register, which fixups may use. */
const LAST_REGISTER = 11;

/** What predecoding asks of the rest of the engine. */
export interface PredecodeTargets {
  /** Function index of the adapter of a helper and its argument; null where no helper has this number. */
  helper(id: number): { readonly index: number; readonly argument: number } | null;
  /** What the call of a kfunc in a slot reaches; null where this kernel has no body of it. */
  kfunc?(slot: number): { readonly index: number; readonly argument: number } | "throw" | null;
  /** Function index of a subprogram that a helper may call back. */
  callback(slot: number): number;
}

type PredecodeInput = Pick<EngineInput, "name" | "insns" | "exceptionCallback">;

/** The records of a program, with one more behind the last: running past the end is a fault. */
export function predecode(input: PredecodeInput, targets: PredecodeTargets): Uint8Array {
  const { insns } = input;
  const bytes = new Uint8Array((insns.length + 1) * RECORD_SIZE);
  const view = new DataView(bytes.buffer);
  const refuse = (slot: number, problem: string): never => {
    throw new CodeError(input.name, slot, problem);
  };
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    const at = slot * RECORD_SIZE;
    const row =
      lookup(insn) ?? refuse(slot, `expected an instruction, got opcode 0x${insn.opcode.toString(16)}`);
    if (insn.dst > LAST_REGISTER || (row.src === "register" && insn.src > LAST_REGISTER)) {
      refuse(slot, `expected registers r0 to r10, got r${Math.max(insn.dst, insn.src)}`);
    }
    view.setUint16(at + Record.ARM, row.id, true);
    view.setUint8(at + Record.DST, insn.dst * REGISTER_SIZE);
    view.setUint8(at + Record.SRC, row.src === "register" ? insn.src * REGISTER_SIZE : 0);
    view.setInt32(at + Record.OFF, insn.off, true);
    view.setInt32(at + Record.IMM, insn.imm, true);
    view.setInt32(at + Record.IMM_HIGH, insn.imm >> 31, true);
    const displacement = displacementOf(insn, row);
    if (displacement !== undefined && row.kind !== "wide") {
      const target = slot + 1 + displacement;
      if (target < 0 || target >= insns.length)
        refuse(slot, `expected a target in the program, got slot ${target}`);
      view.setInt32(at + Record.OFF, (displacement + 1) * RECORD_SIZE, true);
    }
    if (row.kind === "call")
      predecodeCall(view, at, { insn, row, slot, targets, refuse, catcher: input.exceptionCallback ?? 0 });
    else if (row.kind === "packet") {
      refuse(
        slot,
        `expected no ${row.name}: packet access of classic BPF is rewritten before code reaches an engine`,
      );
    } else if (row.name === "percpu_address") {
      throw new NotSupported("addresses of per-CPU data as instructions", { why: `program ${input.name}` });
    } else if (row.kind === "wide") {
      slot++;
      if (slot >= insns.length) refuse(slot - 1, "expected the second slot of the wide load, got the end");
      predecodeWide(view, at, {
        insn,
        second: insns[slot]!,
        slot: slot - 1,
        count: insns.length,
        targets,
        refuse,
      });
      view.setUint16(at + RECORD_SIZE + Record.ARM, ExtraArm.trap, true);
    }
  }
  view.setUint16(insns.length * RECORD_SIZE + Record.ARM, ExtraArm.trap, true);
  return bytes;
}

interface CallSite {
  readonly insn: Insn;
  readonly row: InsnRow;
  readonly slot: number;
  readonly targets: PredecodeTargets;
  readonly refuse: (slot: number, problem: string) => never;
  /** First slot of the exception callback; 0 for none, as the main function never is one. */
  readonly catcher: number;
}

function predecodeCall(view: DataView, at: number, site: CallSite): void {
  const { insn, row, slot, targets, refuse } = site;
  if (row.name === "call_kfunc") {
    predecodeKfunc(view, at, site);
    return;
  }
  if (row.name === "callx_imm" && (insn.imm < 0 || insn.imm > 10)) {
    refuse(slot, `expected a register's number, got ${insn.imm}`);
  }
  if (row.name !== "call_helper") return;
  const target =
    targets.helper(insn.imm) ?? refuse(slot, `expected a helper that exists, got helper ${insn.imm}`);
  if (insn.imm === TAIL_CALL) view.setUint16(at + Record.ARM, ExtraArm.tailCall, true);
  view.setInt32(at + Record.IMM, target.index, true);
  view.setInt32(at + Record.IMM_HIGH, target.argument, true);
}

function predecodeKfunc(
  view: DataView,
  at: number,
  { insn, slot, targets, refuse, catcher }: CallSite,
): void {
  const target = targets.kfunc?.(slot) ?? refuse(slot, `expected a kfunc that exists, got kfunc ${insn.imm}`);
  if (target === "throw") {
    view.setUint16(at + Record.ARM, ExtraArm.throw, true);
    view.setInt32(at + Record.IMM, catcher * RECORD_SIZE, true);
    return;
  }
  // From here on it is a call like any other.
  view.setUint16(at + Record.ARM, rowNamed("call_helper").id, true);
  view.setInt32(at + Record.IMM, target.index, true);
  view.setInt32(at + Record.IMM_HIGH, target.argument, true);
}

interface WideSite {
  readonly insn: Insn;
  readonly second: Insn;
  readonly slot: number;
  readonly count: number;
  readonly targets: PredecodeTargets;
  readonly refuse: (slot: number, problem: string) => never;
}

function predecodeWide(
  view: DataView,
  at: number,
  { insn, second, slot, count, targets, refuse }: WideSite,
): void {
  if (insn.src === WideKind.imm) {
    view.setInt32(at + Record.IMM_HIGH, second.imm, true);
    return;
  }
  if (insn.src !== WideKind.func) {
    refuse(
      slot,
      "expected a plain 64-bit number, got a reference that the kernel resolves when it loads a program",
    );
  }
  const target = slot + 1 + insn.imm;
  if (target < 0 || target >= count) refuse(slot, `expected a function in the program, got slot ${target}`);
  view.setInt32(at + Record.IMM, targets.callback(target), true);
  view.setInt32(at + Record.IMM_HIGH, CODE_BASE_HIGH, true);
}
