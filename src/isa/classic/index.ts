export {
  ANCILLARY_OPS,
  type AncillaryName,
  type AncillaryOp,
  ancillaryOf,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from "./ancillary.ts";
export type { AncillaryValues } from "./ancillary-values.ts";
export { ClassicCheckError, type ClassicProblem, checkClassic, classicProblem } from "./check.ts";
export {
  type ClassicLowering,
  ClassicRegister,
  type LoweringOutput,
  type PacketSize,
  skBuffContextLowering,
} from "./lowering.ts";
export { type ClassicContext, ClassicMachine, runClassic } from "./machine.ts";
export { CLASSIC_OPS, type ClassicOp, type ClassicOperand, classicOp } from "./opcode.ts";
export { type SkBuffLayout, skBuffLowering } from "./sk-buff-lowering.ts";
export {
  CLASSIC_MAX_INSNS,
  CLASSIC_MEM_WORDS,
  decodeClassic,
  encodeClassic,
  SOCK_FILTER_SIZE,
  type SockFilter,
} from "./sock-filter.ts";
export { type KernelCall, type TranslatedClassic, translateClassic } from "./translate.ts";
