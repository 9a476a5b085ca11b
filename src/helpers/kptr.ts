import { KERNEL_BASE } from "../mem/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";
import { emittedHelper } from "./define.ts";
import type { EmitEnvironment, Helper } from "./helper.ts";

/** `bpf_kptr_xchg`: one exchange of a word, which Linux writes out where it is called. */
function emitExchange(f: FunctionBuilder, { checked }: EmitEnvironment): void {
  const [field, object] = f.params as [Local, Local];
  // Who is not verified may name a place at which no word is.
  if (checked)
    f.get(field)
      .i32.const(7)
      .i32.and()
      .if(() => f.i32.const(0).return());
  f.get(field);
  // NULL is no address above the base.
  f.i64.const(0).get(object).i64.extendI32U().i64.const(KERNEL_BASE).i64.or();
  f.get(object).i32.eqz().select();
  f.i64.atomicRmw("xchg").i32.wrapI64();
}

export const KPTR_HELPERS: readonly Helper[] = [
  {
    ...emittedHelper(BpfFuncId.kptr_xchg, { args: ["ptr", "ptr"], result: "ptr" }, emitExchange),
    checks: [{ kind: "fixedMemory", bytes: 8, write: true }, { kind: "anything" }],
  },
];
