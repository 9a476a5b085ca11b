export { graphOf } from "./abstract.ts";
export { buildCfg, CfgError, type CfgOptions } from "./build.ts";
export { type Dominators, dominates, dominatorsOf } from "./dominators.ts";
export { type DotFunction, type DotLine, type DotListing, type DotOptions, dotGraph } from "./dot.ts";
export {
  type Cfg,
  EdgeKind,
  type FunctionRange,
  NO_BLOCK,
  predecessorsOf,
  successorsOf,
} from "./graph.ts";
export { type Loop, type Loops, loopsOf } from "./loops.ts";
export { isReachable, type Order, orderOf } from "./order.ts";
