import type {
  Insn, // in a statement of several lines
} from "./insn.ts";

export type Program = readonly Insn[];
