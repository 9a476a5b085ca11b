import { type InsnRow, Operation, type OperationName, ROWS } from "../../isa/index.ts";
import type { FunctionBuilder } from "../../wasm/index.ts";
import { FaultCode, Frame, State } from "../state.ts";
import { ARMS } from "./arm-table.ts";
import { type ArmOptions, Arms, type Callees, Status } from "./arms.ts";
import { account, tailCall, throwUp } from "./emit-call.ts";
import { RECORD_SIZE, Record } from "./record.ts";

const OPERATION_NAMES = Object.keys(Operation) as OperationName[];

/** Arms beside those of the instruction table, by number. */
export const ExtraArm = {
  /** A record that no jump and no falling through may reach: the second slot of a wide load, the end of the code. */
  trap: ROWS.length,
  tailCall: ROWS.length + 1,
  throw: ROWS.length + 2,
} as const;

/**
 * Body of `(record, window, first window, quota) → Status`: the dispatch loop. Arms are numbered as the rows of the
 * instruction table; loads of a 64-bit immediate are one arm whatever their kind.
 */
export function emitDispatch(f: FunctionBuilder, callees: Callees, options: ArmOptions): void {
  const arms = new Arms(f, callees, options);
  if (options.checked) f.get(arms.pc).get(arms.quota).i32.const(4).i32.shl().i32.add().set(arms.credit);
  arms.noteStack();
  f.block((pause) => {
    arms.pause = pause;
    f.block((fault) => {
      arms.fault = fault;
      f.loop((again) => {
        arms.again = again;
        f.block((next) => {
          arms.next = next;
          const { targets, bodies } = numbered(arms);
          f.switch(() => f.get(arms.pc).i32.load16U(Record.ARM), targets, bodies);
        });
        f.get(arms.pc).i32.const(RECORD_SIZE).i32.add().set(arms.pc).br(again);
      });
    });
    account(arms, () => f.get(arms.pc).i32.const(RECORD_SIZE).i32.add());
    // Where a callback faulted, its own place is there already.
    arms.state32(State.FAULT_PC).i32.eqz();
    f.if(() => {
      arms.setState32(State.FAULT_PC, () => f.get(arms.pc));
      arms.setState32(State.FAULT_CODE, () => arms.frame(Frame.CODE));
    });
    f.i32.const(Status.FAULT).return();
  });
  account(arms, () => f.get(arms.pc));
  arms.setState32(State.PC, () => f.get(arms.pc));
  arms.setState32(State.BASE, () => f.get(arms.base));
  f.i32.const(Status.PAUSE);
}

/** What concerns arenas is done in a function of its own: few programs do it, and the loop stays small without it. */
function isOfArena(row: InsnRow): boolean {
  return row.guard === "arena" || row.operation === Operation.addrSpaceCast;
}

/** Body of `(record, window, unused, unused)`: one instruction that concerns an arena. */
export function emitArenaInsn(f: FunctionBuilder, callees: Callees, options: ArmOptions): void {
  const arms = new Arms(f, callees, options);
  f.block((next) => {
    arms.next = next;
    const rows = ROWS.filter(isOfArena);
    const bodies = rows.map((row) => () => ARMS[OPERATION_NAMES[row.operation]!](arms, row));
    const targets = ROWS.map((row) => Math.max(rows.indexOf(row), 0));
    f.switch(() => f.get(arms.pc).i32.load16U(Record.ARM), targets, bodies);
  });
}

function numbered(arms: Arms): { targets: number[]; bodies: (() => void)[] } {
  const bodies: (() => void)[] = [];
  const shared = new Map<string, number>();
  const add = (body: () => void): number => bodies.push(body) - 1;
  const arena = (): void => {
    const { f } = arms;
    f.get(arms.pc).get(arms.base).i32.const(0).i32.const(0).call(arms.callees.arenaInsn).br(arms.next);
  };
  const targets = ROWS.map((row) => {
    const emit = isOfArena(row) ? arena : ARMS[OPERATION_NAMES[row.operation]!];
    const key = isOfArena(row)
      ? "arena"
      : row.kind === "wide"
        ? "wide"
        : [row.operation, row.width, row.size, row.extend, row.source, row.fetch, row.guard].join();
    let arm = shared.get(key);
    if (arm === undefined) {
      arm = add(() => emit(arms, row));
      shared.set(key, arm);
    }
    return arm;
  });
  const raise = () => {
    arms.setState32(State.FAULT, () => arms.f.i32.const(FaultCode.instruction));
    arms.f.br(arms.fault);
  };
  targets.push(
    add(raise),
    add(() => tailCall(arms)),
    add(() => throwUp(arms)),
  );
  // The last arm is also that of numbers that no record has.
  add(raise);
  return { targets, bodies };
}
