import { BtfKind, IntEncoding } from "../../src/btf/kinds.ts";
import type { Local, ModuleBuilder } from "../../src/wasm/index.ts";
import {
  add,
  and,
  body,
  both,
  bump,
  type Code,
  call,
  declare,
  during,
  either,
  eq,
  gtU,
  ltU,
  mul,
  not,
  select,
  set,
  shrU,
  type Value,
  variables,
} from "./expressions.ts";
import { kflagOf, kindOf, kindOfType, vlenOf } from "./fields.ts";
import { emitLines, type Output } from "./lines.ts";
import type { Constants, DumpMemory } from "./memory.ts";
import { R, RAW_FORMATS } from "./raw-formats.ts";

/** Exports `raw(id)`, which writes a type as `bpftool btf dump` prints it, and `raw_from(id)`: all from one on. */
export function emitRaw(m: ModuleBuilder, memory: DumpMemory, output: Output, constants: Constants): void {
  const { words, index, count } = memory;
  const { line } = emitLines(m, memory, output, constants, RAW_FORMATS, "(anon)");
  const f = declare(m, "raw", ["i32"]);
  const [id] = f.params as [Local];
  const { at, info, kind, format, plain, step, element, end, signed } = variables(
    f,
    "i32",
    "at",
    "info",
    "kind",
    "format",
    "plain",
    "step",
    "element",
    "end",
    "signed",
  );
  const kflag = kflagOf(info);
  /** Each element, which has so many words, by what `write` emits. */
  const elements = (size: number, ...write: readonly Code[]): Code[] => [
    set(step, size),
    set(element, add(at, 3)),
    set(end, add(element, mul(vlenOf(info), size))),
    during(ltU(element, end), [...write, bump(element, step)]),
  ];
  const header = (form: Value): Code => line(form, at, id);
  body(
    f,
    set(at, index.at(id)),
    set(info, words.at(at, 1)),
    set(kind, kindOf(info)),
    set(format, add(kind, R.kind0)),
    select(
      kind,
      [
        [[BtfKind.INT], [header(intForm(and(shrU(words.at(at, 3), 24), 0xf), format))]],
        [[BtfKind.FWD], [header(either(kflag, R.fwdUnion, format))]],
        [[BtfKind.FUNC], [header(linkageForm(vlenOf(info), format, R.funcGlobal))]],
        [[BtfKind.VAR], [header(linkageForm(words.at(at, 3), format, R.varGlobal))]],
        [
          [BtfKind.STRUCT, BtfKind.UNION],
          [
            header(format),
            set(plain, either(kflag, R.memberKflag, R.member)),
            ...elements(
              3,
              line(either(both(kflag, shrU(words.at(element, 2), 24)), R.memberBits, plain), element),
            ),
          ],
        ],
        [
          [BtfKind.ENUM],
          [
            header(either(kflag, R.enumSigned, format)),
            set(plain, either(kflag, R.valueSigned, R.value)),
            ...elements(2, line(plain, element)),
          ],
        ],
        [
          [BtfKind.ENUM64],
          [
            header(either(kflag, R.enum64Signed, format)),
            set(signed, kflag),
            ...elements(
              3,
              line(R.wideValue, element),
              output.long(words.to(add(element, 1)), signed),
              line(either(signed, R.signedEnd, R.unsignedEnd)),
            ),
          ],
        ],
        [[BtfKind.FUNC_PROTO], [header(format), ...elements(2, line(R.param, element))]],
        [
          [BtfKind.DATASEC],
          [
            header(format),
            ...elements(
              3,
              line(R.variable, element),
              line(add(R.variableName0, kindOfType(memory, words.at(element))), index.at(words.at(element))),
            ),
          ],
        ],
      ],
      [header(format)],
    ),
  );
  const from = declare(m, "raw_from", ["i32"]);
  const [next] = from.params as [Local];
  body(from, during(ltU(next, count), [call(f, next), bump(next, 1)]));
  m.export("raw", f).export("raw_from", from);
}

/** `BTF_INT_SIGNED`, `_CHAR` and `_BOOL` have names; a mixture has none. */
function intForm(encoding: Value, none: Value): Code {
  return either(
    not(encoding),
    none,
    either(
      eq(encoding, IntEncoding.SIGNED),
      R.intSigned,
      either(
        eq(encoding, IntEncoding.CHAR),
        R.intChar,
        either(eq(encoding, IntEncoding.BOOL), R.intBool, R.intUnknown),
      ),
    ),
  );
}

/** The first form is the kind's own; the second, third and any other value's follow each other. */
function linkageForm(linkage: Value, first: Value, second: number): Code {
  return either(not(linkage), first, either(gtU(linkage, 2), second + 2, add(linkage, second - 1)));
}
