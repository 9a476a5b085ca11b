import { BpfFuncId, Errno } from "../uapi/index.ts";
import type { Local } from "../wasm/index.ts";
import { CALLBACK } from "./callback.ts";
import { emittedHelper } from "./define.ts";
import type { Helper } from "./helper.ts";

/** `BPF_MAX_LOOPS` */
const MAX_LOOPS = 8 * 1024 * 1024;

/**
 * `bpf_loop`: calls back with the index and the context until it returns something else than 0. The helper's count has 32
 * bits, but Linux's verifier puts a loop in its place that compares all 64, and says E2BIG in the low half alone
 * (`inline_bpf_loop`).
 */
const loop = emittedHelper(
  BpfFuncId.loop,
  // The function's address has its index in the function table as its low half.
  { args: ["i64", "i32", "i64", "i64"], result: "i64" },
  (f, environment) => {
    const [count, callback, context, flags] = f.params as [Local, Local, Local, Local];
    const index = f.local("i32", "index");
    f.get(flags)
      .i64.eqz()
      .i32.eqz()
      .if(() => f.i64.const(-Errno.EINVAL).return());
    f.get(count)
      .i64.const(MAX_LOOPS)
      .i64.gtU()
      .if(() => f.i64.constPair(-Errno.E2BIG, 0).return());
    f.block((done) => {
      f.loop((again) => {
        f.get(index).get(count).i32.wrapI64().i32.geU().brIf(done);
        f.get(index).i64.extendI32U().get(context).i64.const(0).i64.const(0).i64.const(0);
        f.get(callback).callIndirect(environment.type(CALLBACK), environment.table);
        f.get(index).i32.const(1).i32.add().set(index);
        f.i64.eqz().i32.eqz().brIf(done);
        environment.stopped(f);
        f.i32.eqz().brIf(again);
      });
    });
    f.get(index).i64.extendI32U();
  },
);

export const LOOP_HELPERS: readonly Helper[] = [loop];
