import type { Offer, Offers } from "../kernel/index.ts";
import {
  isKfunc,
  KFUNC_MEANINGS,
  KFUNC_SETS,
  KFUNC_SIGNATURES,
  type KfuncFilter,
  KfuncFlag,
  kfuncFlags,
  PROGRAM_TYPES,
  type ProgramTraits,
} from "../platform/index.ts";
import { BpfAttachType, BpfProgType } from "../uapi/index.ts";

/** All that there is to say of a function of the kernel that programs call. */
export interface KfuncFacts {
  readonly name: string;
  /** Its C declaration; null where it is in a module, whose types are not the kernel's. */
  readonly signature: string | null;
  readonly meaning: string;
  /** What Linux asks of callers, and gives them (`KF_*`), by names without their prefix. */
  readonly rules: readonly string[];
  readonly programs: readonly string[];
  /** Where those programs must be attached; null: anywhere. */
  readonly condition: string | null;
  readonly embedded: Offer;
}

/** Extensions may call what the program may that they extend. */
const TYPES = PROGRAM_TYPES.filter(({ type }) => type !== BpfProgType.UNSPEC && type !== BpfProgType.EXT);

/** What programs of every type may call. */
export function isForAll({ programs }: KfuncFacts): boolean {
  return programs.length === TYPES.length;
}

/** Names of all functions that some program of Linux 6.18 may call. */
export const KFUNC_NAMES: readonly string[] = [
  ...new Set(KFUNC_SETS.flatMap(({ functions }) => Object.keys(functions))),
];

/** A function of the kernel, and what the embedded kernel offers of it; undefined where there is none of the name. */
export function kfuncFacts(name: string, offers: Offers): KfuncFacts | undefined {
  if (!isKfunc(name, "6.18")) return undefined;
  const sets = KFUNC_SETS.filter(({ functions }) => functions[name] !== undefined);
  const callers = TYPES.flatMap((type) => {
    const flags = traitsOf(type.type).map((traits) => kfuncFlags(name, traits));
    const found = flags.find((each) => each !== null);
    return found === undefined || found === null ? [] : [{ name: type.name, flags: found }];
  });
  const flags = callers.reduce((all, each) => all | each.flags, 0);
  const filters = new Set(sets.map(({ filter }) => filter));
  const [filter] = filters;
  return {
    name,
    signature: KFUNC_SIGNATURES[name] ?? null,
    meaning: KFUNC_MEANINGS[name]!,
    rules: Object.entries(KfuncFlag).flatMap(([rule, bit]) => ((flags & bit) === 0 ? [] : [rule])),
    programs: callers.map((each) => each.name),
    condition: filters.size === 1 && filter != null ? CONDITIONS[filter] : null,
    embedded: offers.kfunc(name),
  };
}

const CONDITIONS: { readonly [filter in KfuncFilter]: string | null } = {
  // Programs of the type are at nothing else.
  hooks: null,
  iterators: "as iterators",
  sessions: "as sessions",
  queueing: "as operations of Qdisc_ops",
};

/** Programs of a type that between them may call all that some of the type may. */
function traitsOf(programType: number): readonly ProgramTraits[] {
  const attachTypes = [0, BpfAttachType.TRACE_ITER, BpfAttachType.TRACE_KPROBE_SESSION];
  const targets = [null, "Qdisc_ops.enqueue", "Qdisc_ops.dequeue", "Qdisc_ops.init"];
  return [
    ...attachTypes.map((expectedAttachType) => ({ programType, expectedAttachType })),
    ...targets.map((attachTarget) => ({ programType, expectedAttachType: 0, attachTarget })),
  ];
}
