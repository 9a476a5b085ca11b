import type { InsnRow } from "../../isa/index.ts";
import { FRAME_SIZE, FRAME_STACK, Frame, MAX_FRAMES, MAX_LOOPS, REGISTER_SIZE, State } from "../state.ts";
import { type Arms, Status } from "./arms.ts";
import { RECORD_SIZE, Record } from "./record.ts";

const R10 = 10;

/** Registers that a call carries over: all that the machine has but the frame pointer. */
const CARRIED = 10;

/** Says where a nested run may put its windows and its stack. */
function noteFree(arms: Arms): void {
  const { f } = arms;
  arms.setState32(State.FRAME_TOP, () => f.get(arms.base).i32.const(FRAME_SIZE).i32.add());
  arms.setState32(State.STACK_TOP, () => arms.register32(R10).i32.const(FRAME_STACK).i32.sub());
}

export function callHelper(arms: Arms): void {
  const { f } = arms;
  noteFree(arms);
  f.get(arms.base).get(arms.pc).i32.load(Record.IMM_HIGH).get(arms.pc).i32.load(Record.IMM);
  f.callIndirect(arms.callees.adapterType, arms.callees.table).brIf(arms.fault);
  arms.forgetRegions();
  f.br(arms.next);
}

/** The host finds out what the register names; programs that the verifier allows have no such call. */
export function callReg(arms: Arms, row: InsnRow): void {
  const { f } = arms;
  noteFree(arms);
  f.get(arms.base);
  if (row.source === "reg") arms.dst();
  else f.get(arms.base).get(arms.pc).i32.load(Record.IMM).i32.const(3).i32.shl().i32.add();
  f.tee(arms.address).i32.load().get(arms.address).i32.load(4);
  f.call(arms.callees.callThrough).brIf(arms.fault);
  arms.forgetRegions();
  f.br(arms.next);
}

/** A new window and a new stack frame below the caller's. */
export function callLocal(arms: Arms): void {
  const { f, options } = arms;
  if (options.checked) {
    arms
      .frame(Frame.DEPTH)
      .i32.const(MAX_FRAMES - 1)
      .i32.geU();
    f.if(() => arms.raise("stack"));
  }
  f.get(arms.base)
    .i32.const(options.framesEnd - 2 * FRAME_SIZE)
    .i32.gtU();
  arms
    .register32(R10)
    .i32.const(options.stackLow + 2 * FRAME_STACK)
    .i32.ltU()
    .i32.or();
  f.if(() => arms.raise("stack"));
  f.get(arms.base).i32.const(FRAME_SIZE).i32.add().set(arms.address);
  for (let register = 0; register < CARRIED; register++) {
    f.get(arms.address);
    arms.register64(register).i64.store(register * REGISTER_SIZE);
  }
  f.get(arms.address);
  arms
    .register64(R10)
    .i64.const(FRAME_STACK)
    .i64.sub()
    .i64.store(R10 * REGISTER_SIZE);
  f.get(arms.address).i32.const(MAX_LOOPS).i32.store(Frame.MAY_GOTO);
  f.get(arms.address).get(arms.pc).i32.const(RECORD_SIZE).i32.add().i32.store(Frame.RETURN);
  f.get(arms.address);
  arms.frame(Frame.CODE).i32.store(Frame.CODE);
  f.get(arms.address);
  arms.frame(Frame.DEPTH).i32.const(1).i32.add().i32.store(Frame.DEPTH);
  f.get(arms.address).set(arms.base);
  emitFreshStack(arms);
  f.get(arms.pc).i32.load(Record.OFF).set(arms.distance);
  arms.jump();
}

/** What earlier runs left on the stack must not be seen by code that nobody has verified. */
function emitFreshStack(arms: Arms): void {
  if (!arms.options.checked) return;
  arms.noteStack();
  arms.f.get(arms.stack.base).i32.wrapI64().i32.const(0).i32.const(FRAME_STACK).memoryFill();
}

export function exit(arms: Arms): void {
  const { f } = arms;
  f.get(arms.base).get(arms.bottom).i32.eq();
  f.if(() => {
    account(arms, () => f.get(arms.pc).i32.const(RECORD_SIZE).i32.add());
    f.i32.const(Status.EXIT).return();
  });
  // The caller's window begins one below: its r0 is what this frame leaves.
  f.get(arms.base).i32.const(FRAME_SIZE).i32.sub().tee(arms.address);
  arms.register64(0).i64.store();
  arms.frame(Frame.RETURN).get(arms.pc).i32.sub().set(arms.distance);
  f.get(arms.address).set(arms.base);
  arms.noteStack();
  arms.jump();
}

/** Adds to State.EXECUTED what has run since the function began, given the record that would come next. */
export function account(arms: Arms, pc: () => void): void {
  if (!arms.options.checked) return;
  const { f, options } = arms;
  const at = options.stateAt + State.EXECUTED;
  f.i32.const(0).i32.const(0).i64.load(at);
  f.get(arms.quota).get(arms.credit);
  pc();
  // The difference is negative after the quota: the count is exact all the same.
  f.i32.sub().i32.const(4).i32.shrS().i32.sub().i64.extendI32S().i64.add().i64.store(at);
}

/**
 * `bpf_tail_call`: r2 is the program array, r3 the index. Where there is no program, or too many calls were made, the
 * program goes on. The array's lookup is an adapter like any helper's: it leaves the function in State.TARGET.
 */
export function tailCall(arms: Arms): void {
  const { f } = arms;
  noteFree(arms);
  f.get(arms.base).get(arms.pc).i32.load(Record.IMM_HIGH).get(arms.pc).i32.load(Record.IMM);
  f.callIndirect(arms.callees.adapterType, arms.callees.table).brIf(arms.fault);
  arms.state32(State.TARGET).i32.eqz().brIf(arms.next);
  arms.setState32(State.BASE, () => f.get(arms.base));
  account(arms, () => f.get(arms.pc).i32.const(RECORD_SIZE).i32.add());
  f.i32.const(Status.TAIL_CALL).return();
}

/** `bpf_throw`: whoever drives the loop goes on with the exception callback, in State.TARGET, in the first window. */
export function throwUp(arms: Arms): void {
  const { f } = arms;
  arms.setState32(State.TARGET, () => f.get(arms.pc).i32.load(Record.IMM));
  arms.setState32(State.BASE, () => f.get(arms.base));
  account(arms, () => f.get(arms.pc).i32.const(RECORD_SIZE).i32.add());
  f.i32.const(Status.THROW).return();
}
