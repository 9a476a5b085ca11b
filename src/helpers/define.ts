import { argumentRules, HELPER_PROTOTYPES } from "../platform/index.ts";
import type { FunctionBuilder } from "../wasm/index.ts";
import type { ArgumentCheck, EmitEnvironment, Helper, HelperCall, ValueKind } from "./helper.ts";

/** How the arguments and the result travel. */
export interface Passing {
  readonly args: readonly ValueKind[];
  readonly result: ValueKind;
}

/** A helper whose body is TypeScript; name and argument checks are those of its prototype. */
export function hostHelper(
  id: number,
  { args, result }: Passing,
  call: (call: HelperCall, ...args: number[]) => number,
): Helper {
  return { ...identity(id), args, result, body: { kind: "host", call } };
}

/** A helper whose body is emitted. */
export function emittedHelper(
  id: number,
  { args, result }: Passing,
  emit: (f: FunctionBuilder, environment: EmitEnvironment) => void,
): Helper {
  return { ...identity(id), args, result, body: { kind: "wasm", emit } };
}

function identity(id: number): Pick<Helper, "id" | "name" | "checks"> {
  const prototype = HELPER_PROTOTYPES.get(id);
  if (prototype === undefined) throw new Error(`helper ${id} has no prototype`);
  const checks = argumentRules(prototype.args).map((rule, i): ArgumentCheck => {
    const { type, flags } = prototype.args[i]!;
    if (type === "ARG_PTR_TO_FUNC") return { kind: "function" };
    const optional = type === "ARG_PTR_TO_MAP_VALUE" && flags.includes("PTR_MAYBE_NULL");
    return optional ? { kind: "mapValue", nullable: true } : rule;
  });
  return { id, name: prototype.name, checks };
}
