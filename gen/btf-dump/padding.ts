import type { Func, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  any,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  extendU,
  ltU,
  mul,
  not,
  result,
  set,
  type Value,
  variables,
  when,
  wide,
  wrap,
} from "./expressions.ts";

/** Writes one unnamed bit field of a struct: the number of its type, from 0 for `long` to 3 for `char`, and its bits. */
export type PaddingWriter = (type: Value, bits: Value, id: Value, level: Value) => Code;

/**
 * Emits `pad(from, to, align, in_bitfield, id, level)`: the unnamed bit fields that C needs between the end of one
 * member and the start of the next, in bits, to put it where it is (`btf_dump_emit_bit_padding` of libbpf): as few as
 * natural alignment allows. `align` is the next member's alignment in bytes; `in_bitfield` tells that it and the one
 * before are bit fields.
 */
export function emitPadding(m: ModuleBuilder, pointerSize: Value, padding: PaddingWriter): Func {
  const roundUp = emitRoundUp(m);
  const width = emitWidth(m, pointerSize);
  const f = declare(m, "pad", ["i64", "i64", "i32", "i32", "i32", "i32"]);
  const [from, to, align, inBitfield, id, level] = f.params;
  const { type } = variables(f, "i32", "type");
  const { aligned, bits } = variables(f, "i64", "aligned", "bits");
  const rounded = call(roundUp, from!, call(width, type));
  body(
    f,
    during(both(ltU(type, 3), wide.gtU(rounded, to!)), [bump(type, 1)]),
    set(aligned, rounded),
    when(both(wide.gtU(aligned, from!), wide.leU(aligned, to!)), [
      // A zero-width field moves on to where its type is aligned. It can be left out where the compiler gets there
      // itself: by the next member's own alignment, or by that of padding that does not fit in the hole.
      when(
        any(
          inBitfield!,
          either(
            wide.eq(aligned, to!),
            wide.ne(call(roundUp, from!, extendU(mul(align!, 8))), aligned),
            wide.leU(wide.sub(to!, aligned), wide.sub(aligned, from!)),
          ),
        ),
        [padding(type, either(inBitfield!, wrap(wide.sub(aligned, from!)), 0), id!, level!)],
      ),
      set(from!, aligned),
    ]),
    during(wide.ne(from!, to!), [
      set(bits, wide.sub(to!, from!)),
      when(wide.gtU(bits, call(width, type)), [set(bits, call(width, type))]),
      when(wide.ltU(bits, call(width, type)), [
        set(type, 3),
        during(wide.ltU(call(width, type), bits), [bump(type, -1)]),
      ]),
      padding(type, wrap(bits), id!, level!),
      set(from!, wide.add(from!, bits)),
    ]),
  );
  return f;
}

/** Bits of `long`, which is as large as a pointer, `int`, `short`, `char`. */
function emitWidth(m: ModuleBuilder, pointerSize: Value): Func {
  const f = declare(m, "width", ["i32"], "i64");
  const [type] = f.params;
  const halved = wide.shrU(wide.const(64), extendU(type!));
  body(f, result(either(both(eq(pointerSize, 4), not(type!)), wide.const(32), halved, "i64")));
  return f;
}

function emitRoundUp(m: ModuleBuilder): Func {
  const f = declare(m, "round_up", ["i64", "i64"], "i64");
  const [value, multiple] = f.params;
  body(
    f,
    when(wide.not(multiple!), [result(value!)]),
    result(wide.mul(wide.divU(wide.sub(wide.add(value!, multiple!), wide.const(1)), multiple!), multiple!)),
  );
  return f;
}
