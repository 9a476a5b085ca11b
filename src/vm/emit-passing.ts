import type { Callable } from "../helpers/index.ts";
import type { FunctionBuilder, Signature, ValueType } from "../wasm/index.ts";
import { emitPointer } from "./emit-pointer.ts";
import { State } from "./state.ts";

/** Ways to push a register that holds an argument. */
export interface ArgumentSource {
  /** All 64 bits. */
  readonly wide: () => unknown;
  /** One half, 0 the low one. */
  readonly word: (half: 0 | 1) => unknown;
  /** The low byte, as an i32. */
  readonly byte: () => unknown;
}

/** The type of the function that a body is. */
export function bodySignature({ args, body, result }: Callable): Signature {
  const wasm = body.kind === "wasm";
  const params = args.flatMap((kind): ValueType[] =>
    kind !== "i64" ? ["i32"] : wasm ? ["i64"] : ["i32", "i32"],
  );
  const results: ValueType[] = result === "void" ? [] : [wasm && result === "i64" ? "i64" : "i32"];
  return { params, results };
}

/** Pushes an argument as the body takes it. */
export function emitArgument({ args, body }: Callable, index: number, from: ArgumentSource): void {
  const kind = args[index];
  if (kind === "u8") from.byte();
  else if (kind !== "i64") from.word(0);
  else if (body.kind === "wasm") from.wide();
  else {
    from.word(0);
    from.word(1);
  }
}

/** Turns the result that a body left on the stack into the 64 bits of r0. */
export function emitResult(f: FunctionBuilder, { body, result }: Callable, stateAt: number): void {
  switch (result) {
    case "void":
      f.i64.const(0);
      return;
    case "i32":
      f.i64.extendI32S();
      return;
    case "u8":
    case "u32":
      f.i64.extendI32U();
      return;
    case "ptr": {
      const offset = f.local("i32", "offset");
      f.set(offset);
      emitPointer(f, offset);
      return;
    }
    case "i64":
      if (body.kind !== "host") return;
      f.i64.extendI32U();
      f.i32
        .const(0)
        .i64.load32U(stateAt + State.HELPER_HIGH)
        .i64.const(32)
        .i64.shl()
        .i64.or();
  }
}
