import { argumentRules, HELPER_PROTOTYPES } from "../platform/index.ts";
import { BpfFuncId } from "../uapi/index.ts";
import type { FunctionBuilder } from "../wasm/index.ts";
import type { ArgumentCheck, EmitEnvironment, Helper, HelperCall, Kfunc, ValueKind } from "./helper.ts";

/** How the arguments and the result travel. */
export interface Passing {
  readonly args: readonly ValueKind[];
  readonly result: ValueKind;
  /** What is otherwise here than on Linux: a sentence. */
  readonly here?: string;
}

/** Of what always gives the same answer: which, and why. */
export interface ConstantPassing extends Passing {
  readonly always: number;
  readonly here: string;
}

/** How a kfunc is called, and what checked mode tests of its arguments: nothing unless told. */
export interface KfuncPassing extends Passing {
  readonly checks?: readonly ArgumentCheck[];
}

/** A helper whose body is TypeScript; name and argument checks are those of its prototype. */
export function hostHelper(
  id: number,
  passing: Passing,
  call: (call: HelperCall, ...args: number[]) => number,
): Helper {
  return { ...identity(id), ...passing, body: { kind: "host", call } };
}

/**
 * A helper that has nothing to be about in this kernel, and says so as Linux does. What `first` does comes before: it
 * leaves memory as Linux would, and may refuse arguments by another answer.
 */
export function constantHelper(
  id: number,
  passing: ConstantPassing,
  first: (call: HelperCall, ...args: number[]) => number | undefined = () => undefined,
): Helper {
  return hostHelper(id, passing, (call, ...args) => {
    const answer = first(call, ...args) ?? passing.always;
    if (passing.result === "i64") call.resultHigh = answer < 0 ? -1 : 0;
    return answer;
  });
}

/** A helper whose body is emitted. */
export function emittedHelper(
  id: number,
  passing: Passing,
  emit: (f: FunctionBuilder, environment: EmitEnvironment) => void,
): Helper {
  return { ...identity(id), ...passing, body: { kind: "wasm", emit } };
}

/** A kfunc whose body is TypeScript. */
export function hostKfunc(
  name: string,
  passing: KfuncPassing,
  call: (call: HelperCall, ...args: number[]) => number,
): Kfunc {
  return { name, checks: [], ...passing, body: { kind: "host", call } };
}

/** A kfunc that has nothing to be about in this kernel; see {@link constantHelper}. */
export function constantKfunc(
  name: string,
  passing: ConstantPassing & KfuncPassing,
  first: (call: HelperCall, ...args: number[]) => number | undefined = () => undefined,
): Kfunc {
  return hostKfunc(name, passing, (call, ...args) => first(call, ...args) ?? passing.always);
}

/** A kfunc whose body is emitted. */
export function emittedKfunc(
  name: string,
  passing: KfuncPassing,
  emit: (f: FunctionBuilder, environment: EmitEnvironment) => void,
): Kfunc {
  return { name, checks: [], ...passing, body: { kind: "wasm", emit } };
}

function identity(id: number): Pick<Helper, "id" | "name" | "checks"> {
  const prototype = HELPER_PROTOTYPES.get(id);
  if (prototype === undefined) throw new Error(`helper ${id} has no prototype`);
  const checks = argumentRules(prototype.args).map((rule, i): ArgumentCheck => {
    const { type, flags } = prototype.args[i]!;
    // bpf_loop: the number of rounds comes first.
    if (type === "ARG_PTR_TO_FUNC")
      return id === BpfFuncId.loop ? { kind: "function", rounds: 1 } : { kind: "function" };
    const optional = type === "ARG_PTR_TO_MAP_VALUE" && flags.includes("PTR_MAYBE_NULL");
    return optional ? { kind: "mapValue", nullable: true } : rule;
  });
  return { id, name: prototype.name, checks };
}
