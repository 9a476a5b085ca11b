import {
  AtomicCode,
  Class,
  classOf,
  FRAME_POINTER,
  type Insn,
  type InsnRow,
  isWide,
  Mode,
  Operation,
  rowsOfOpcode,
} from "../../isa/index.ts";
import type { Environment } from "../environment/environment.ts";
import { verboseInsn } from "../log/insn-text.ts";
import { getCallSummary } from "./call-summary.ts";

const ALL = 0xffff;
const MODE_MASK = 0xe0;
const CALLER_SAVED = 0x3f;

/** Registers that an instruction reads and those that it writes, as bit sets. */
interface Access {
  readonly use: number;
  readonly def: number;
}

const EVERYTHING: Access = { use: ALL, def: 0 };

/**
 * Finds, for each instruction, the registers that it or a later one may read before they are written
 * (`compute_live_registers`). What a function of the program that is called reads is not looked at: it may read all
 * its arguments.
 */
export function computeLiveRegisters(env: Environment): void {
  const { insns, aux, flow } = env;
  const use = new Uint16Array(insns.length);
  const def = new Uint16Array(insns.length);
  // One more: what follows the second slot of a wide load.
  const live = new Uint16Array(insns.length + 1);
  for (let i = 0; i < insns.length; i++) {
    const access = accessOf(env, i);
    use[i] = access.use;
    def[i] = access.def;
  }
  const { postorder } = flow;
  let changed: boolean;
  do {
    changed = false;
    for (let i = 0; i < postorder.length; i++) {
      const at = postorder[i]!;
      const first = flow.first(at);
      const second = flow.second(at);
      const after = (first < 0 ? 0 : live[first]!) | (second < 0 ? 0 : live[second]!);
      const before = (after & ~def[at]!) | use[at]!;
      if (before === live[at]) continue;
      live[at] = before;
      changed = true;
    }
  } while (changed);
  for (let i = 0; i < insns.length; i++) aux[i]!.liveRegsBefore = live[i]!;
  if (env.log.level2) writeTable(env);
}

/**
 * Where other fields than the opcode select no instruction, the opcode tells what it would read and write: it is refused
 * only when it is come to. Of atomic operations the number is one of these fields.
 */
function rowByOpcode({ opcode }: Insn): InsnRow | undefined {
  return isAtomic(opcode) ? undefined : rowsOfOpcode(opcode)[0];
}

function isAtomic(opcode: number): boolean {
  return classOf(opcode) === Class.stx && (opcode & MODE_MASK) === Mode.atomic;
}

/** `compute_insn_live_regs` */
function accessOf(env: Environment, at: number): Access {
  const insn = env.insns[at]!;
  const row = env.rows[at] ?? rowByOpcode(insn);
  const dst = 1 << insn.dst;
  const src = 1 << insn.src;
  if (row === undefined) {
    // Of an atomic operation that there is not the fields are looked at all the same.
    if (!isAtomic(insn.opcode)) return EVERYTHING;
    return { use: dst | src, def: (insn.imm & AtomicCode.fetch) !== 0 ? src : 0 };
  }
  switch (row.kind) {
    case "wide":
      return { use: 0, def: dst };
    case "load":
    case "loadAcquire":
      return { use: src, def: dst };
    case "store":
    case "storeRelease":
      return { use: row.source === "imm" ? dst : dst | src, def: 0 };
    case "atomic":
      if (row.operation === Operation.cmpxchg) return { use: 1 | dst | src, def: 1 };
      return { use: dst | src, def: row.fetch ? src : 0 };
    case "neg":
    case "end":
      return { use: dst, def: dst };
    case "alu":
    case "cast":
      return { use: aluUse(row, dst, src), def: dst };
    case "goto":
    case "mayGoto":
      return { use: 0, def: 0 };
    case "exit":
      return { use: 1, def: 0 };
    case "call":
      return { use: callUse(env, insn), def: CALLER_SAVED };
    case "branch":
      return { use: row.source === "imm" ? dst : dst | src, def: 0 };
    default:
      return { use: ALL, def: 0 };
  }
}

function aluUse(row: InsnRow, dst: number, src: number): number {
  const operand = row.source === "imm" ? 0 : src;
  const moves = row.operation === Operation.mov || row.operation === Operation.movsx || row.kind === "cast";
  return moves ? operand : operand | dst;
}

function callUse(env: Environment, call: Insn): number {
  const summary = getCallSummary(env, call);
  if (summary === null) return CALLER_SAVED & ~1;
  return ((1 << (summary.params + 1)) - 1) & ~1;
}

/** The table at the head of a log of level 2. */
function writeTable(env: Environment): void {
  const { log, aux, insns } = env;
  log.write("Live regs before insn:\n");
  for (let i = 0; i < insns.length; i++) {
    const { scc, liveRegsBefore } = aux[i]!;
    let regs = "";
    for (let regno = 0; regno < FRAME_POINTER; regno++) {
      regs += (liveRegsBefore & (1 << regno)) !== 0 ? regno : ".";
    }
    const component = scc === 0 ? "" : String(scc);
    log.write(`${component.padStart(3)} ${String(i).padStart(3)}: ${regs} `);
    verboseInsn(env, i);
    if (isWide(insns[i]!)) i++;
  }
}
