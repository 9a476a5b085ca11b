import type { Value } from "../../ir/index.ts";
import { interruptWord } from "../../mem/index.ts";
import { BpfFuncId, Errno } from "../../uapi/index.ts";
import { MAX_LOOPS, State } from "../state.ts";
import type { IrEmission } from "./ir-emission.ts";
import type { Reached } from "./targets.ts";

/**
 * `bpf_loop` with a callback of this program: a loop that calls it without leaving the module. As the helper it ends
 * where the callback returns something else than 0, has faulted, or somebody interrupts.
 *
 * @returns whether the call is one.
 */
export function emitIrLoop(
  ir: IrEmission,
  value: Value,
  { callee }: Reached & { readonly kind: "body" },
): boolean {
  if (callee.number !== BpfFuncId.loop) return false;
  const { f, code, parts, func } = ir;
  const [count, callback, context, flags] = func.argsOf(value) as [Value, Value, Value, Value];
  const entry = func.isConst(callback) ? parts.callbacks.get(func.imm(callback)) : undefined;
  const body = entry === undefined ? undefined : code.program.functions.get(entry);
  if (entry === undefined || body === undefined || !func.isConstOf(flags, 0)) return false;
  const rounds = code.temporary("i64", "rounds");
  const round = code.temporary("i32", "round");
  const given = code.temporary("i64", "loop_context");
  ir.push(count);
  f.set(rounds);
  ir.push(context);
  f.set(given).i32.const(0).set(round);
  f.get(rounds).i64.const(MAX_LOOPS).i64.gtU();
  f.if(
    () => f.i64.constPair(-Errno.E2BIG, 0),
    () => {
      f.block((done) => {
        f.loop((again) => {
          f.get(round).get(rounds).i32.wrapI64().i32.geU().brIf(done);
          f.get(round).i64.extendI32U().get(given).i64.const(0).i64.const(0).i64.const(0);
          f.get(code.frame).call(body);
          f.get(round).i32.const(1).i32.add().set(round);
          f.i64.eqz().i32.eqz().brIf(done);
          f.i32.const(0).i32.load(interruptWord(code.module.place.executor));
          if (parts.mayStop.has(entry)) f.i32.const(0).i32.load(code.at(State.FAULT)).i32.or();
          f.i32.eqz().brIf(again);
        });
      });
      f.get(round).i64.extendI32U();
    },
    "i64",
  );
  ir.keep(value);
  if (parts.mayStop.has(entry)) code.stopIfFaulted(func.imm(value));
  return true;
}
