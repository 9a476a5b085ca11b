import type { Rule } from "./rule.ts";
import { ACCESS_RULES } from "./rules-access.ts";
import { BOUNDS_RULES } from "./rules-bounds.ts";
import { CALL_RULES } from "./rules-call.ts";
import { CALLEE_RULES } from "./rules-callee.ts";
import { COMPLEXITY_RULES } from "./rules-complexity.ts";
import { CONTEXT_RULES } from "./rules-context.ts";
import { FLOW_RULES } from "./rules-flow.ts";
import { MAP_RULES } from "./rules-map.ts";
import { NULL_RULES } from "./rules-null.ts";
import { OBJECT_RULES } from "./rules-object.ts";
import { REGISTER_RULES } from "./rules-register.ts";
import { RELOCATION_RULES } from "./rules-relocation.ts";
import { RESOURCE_RULES } from "./rules-resource.ts";
import { STACK_RULES } from "./rules-stack.ts";

/** All kinds of refusals that are explained, the more special ones first. */
export const RULES: readonly Rule[] = [
  ...RELOCATION_RULES,
  ...NULL_RULES,
  ...OBJECT_RULES,
  ...RESOURCE_RULES,
  ...CONTEXT_RULES,
  ...MAP_RULES,
  ...ACCESS_RULES,
  ...BOUNDS_RULES,
  ...STACK_RULES,
  ...REGISTER_RULES,
  ...CALL_RULES,
  ...CALLEE_RULES,
  ...COMPLEXITY_RULES,
  ...FLOW_RULES,
];
