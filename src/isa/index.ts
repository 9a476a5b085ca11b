export {
  type AluName,
  type AtomicName,
  BuildError,
  type ConditionName,
  insnOf,
  type Operand,
  ProgramBuilder,
  type Target,
} from "./builder.ts";
export { decode, encode, INSN_SIZE } from "./codec.ts";
export { checkForm, displacementOf, type FormOptions, type FormProblem } from "./form.ts";
export type { Insn } from "./insn.ts";
export { findRow, lookup, rowNamed } from "./lookup.ts";
export { AtomicCode, CallKind, Class, Mode, SIZE_BYTES, type SizeName, WideKind } from "./opcode.ts";
export {
  AUXILIARY_REGISTER,
  FRAME_POINTER,
  fp,
  REGISTERS,
  type Register,
  r0,
  r1,
  r2,
  r3,
  r4,
  r5,
  r6,
  r7,
  r8,
  r9,
  r10,
} from "./register.ts";
export {
  type Access,
  type ConformanceGroup,
  type Guard,
  type ImmField,
  type InsnRow,
  type Kind,
  type OffField,
  Operation,
  type OperationName,
  type RegisterField,
} from "./row.ts";
export { ROWS } from "./table.ts";
export { isWide, slotsOf, wideImm, wideSlots } from "./wide.ts";
