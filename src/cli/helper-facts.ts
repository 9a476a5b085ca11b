import type { Offer, Offers } from "../kernel/index.ts";
import {
  type GrantCondition,
  HELPER_MEANINGS,
  HELPER_PROTOTYPES,
  HELPER_SIGNATURES,
  type HelperCaller,
  type HelperName,
  type HelperPrototype,
  helperCallers,
  helperSince,
  programTypeNamed,
} from "../platform/index.ts";
import { BpfAttachType } from "../uapi/index.ts";
import { argumentText, returnText } from "./argument-words.ts";
import { HELPER_PREFIX } from "./helper-names.ts";

/** What a helper takes and gives, in programs of some types. */
export interface HelperForm {
  readonly arguments: readonly { readonly name: string; readonly type: string; readonly meaning: string }[];
  readonly returns: { readonly type: string; readonly meaning: string };
  readonly programs: readonly { readonly type: string; readonly conditions: readonly string[] }[];
}

/** All that there is to say of a helper. */
export interface HelperFacts {
  readonly name: string;
  readonly number: number;
  readonly signature: string;
  readonly since: string | null;
  /** What it is for, in one to four sentences. */
  readonly meaning: string;
  readonly flags: readonly { readonly name: string; readonly meaning: string }[];
  readonly gplOnly: boolean;
  readonly mightSleep: boolean;
  readonly changesPacket: boolean;
  /** What it takes and gives: where program types differ in it, once for each. */
  readonly forms: readonly HelperForm[];
  /** What the embedded kernel does; where program types differ in it, once for each group of them. */
  readonly embedded: readonly HelperHere[];
}

export interface HelperHere extends Offer {
  /** Types of programs; of all that may call the helper, if there is but one entry. */
  readonly programs: readonly string[];
}

/** A helper, by number, and what the embedded kernel offers of it. */
export function helperFacts(id: number, offers: Offers): HelperFacts {
  const signature = HELPER_SIGNATURES[id - 1]!;
  const names = parameterNames(signature);
  const callers = helperCallers(id);
  const groups = new Map<string, HelperCaller[]>();
  for (const caller of callers) {
    const { args, returns } = caller.prototype;
    const key = JSON.stringify([args, returns]);
    groups.set(key, [...(groups.get(key) ?? []), caller]);
  }
  const common = callers[0]?.prototype ?? HELPER_PROTOTYPES.get(id)!;
  const { text, flags } = HELPER_MEANINGS[common.name.slice(HELPER_PREFIX.length) as HelperName];
  return {
    name: common.name,
    number: id,
    signature,
    since: helperSince(id) ?? null,
    meaning: text,
    flags: Object.entries(flags).map(([name, meaning]) => ({ name, meaning })),
    gplOnly: callers.some(({ prototype }) => prototype.gplOnly),
    mightSleep: common.mightSleep,
    changesPacket: common.changesPacket,
    forms: [...groups.values()].map((group) => formOf(group, names)),
    embedded: hereOf(id, new Set(callers.map(({ programType }) => programType)), offers),
  };
}

function hereOf(id: number, programs: ReadonlySet<string>, offers: Offers): readonly HelperHere[] {
  const groups = new Map<string, { readonly offer: Offer; readonly programs: string[] }>();
  // What no type may call, operations of some kernel structs may.
  for (const name of programs.size === 0 ? ["struct_ops"] : programs) {
    const offer = offers.helper(id, programTypeNamed(name)!.type);
    const key = JSON.stringify(offer);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { offer, programs: [name] });
    else group.programs.push(name);
  }
  return [...groups.values()].map(({ offer, programs }) => ({ programs, ...offer }));
}

function formOf(group: readonly HelperCaller[], names: readonly string[]): HelperForm {
  const { args, returns } = group[0]!.prototype;
  return {
    arguments: args.map((each, i) => ({
      name: names[i] ?? `argument ${i + 1}`,
      type: [each.type, ...each.flags].join(" | "),
      meaning: argumentText(each, names[i + 1]),
    })),
    returns: { type: [returns.type, ...returns.flags].join(" | "), meaning: returnText(returns) },
    programs: programsOf(group),
  };
}

/** One row for each program type: where it may call the helper under several conditions, any of them will do. */
function programsOf(group: readonly HelperCaller[]): HelperForm["programs"] {
  const types = new Map<string, Set<string>>();
  const free = new Set<string>();
  for (const { programType, condition, prototype } of group) {
    const words = conditionText(condition, prototype);
    if (words === "") free.add(programType);
    types.set(programType, (types.get(programType) ?? new Set()).add(words));
  }
  return [...types].map(([type, conditions]) => ({
    type,
    conditions: free.has(type) ? [] : [...conditions],
  }));
}

/** Of `long bpf_f(void *map, const char *name)`: `["map", "name"]`. */
function parameterNames(signature: string): string[] {
  const parameters = /\((.*)\)$/.exec(signature)?.[1] ?? "";
  if (parameters === "void") return [];
  return parameters.split(", ").map((each) => /(\w+)$/.exec(each)?.[1] ?? each);
}

/** Rights that nearly everyone who loads programs has are not worth a word. */
const USUAL: ReadonlySet<string> = new Set(["bpf", "perfmon", "bpf+perfmon"]);
/** Names of functions that are listed. */
const SAMPLE = 3;

function conditionText(condition: GrantCondition | null, { allowed }: HelperPrototype): string {
  const words: string[] = [];
  if (condition !== null) {
    const { attachTypes, otherAttachTypes, targets, otherTargets, sleepable, capability, config } = condition;
    if (attachTypes !== undefined) words.push(attachNames(attachTypes).join(", "));
    if (otherAttachTypes !== undefined) words.push(`not ${attachNames(otherAttachTypes).join(", ")}`);
    if (sleepable === true) words.push("sleepable");
    if (sleepable === false) words.push("not sleepable");
    if (targets !== undefined) words.push(`for ${sample(targets)}`);
    if (otherTargets !== undefined) words.push(`not for ${sample(otherTargets)}`);
    if (condition.trampoline === true) words.push("fentry, fexit, fmod_ret or LSM");
    if (config !== undefined) words.push(`kernel built with CONFIG_${config}`);
    if (capability !== undefined && !USUAL.has(capability)) words.push("loaded with CAP_SYS_ADMIN");
  }
  if (allowed === "sleepableLsmHook") words.push("at hooks that may sleep");
  if (allowed === "dPath") words.push("at iterators, LSM hooks that may sleep, and a few functions");
  if (allowed === "skStorageTracing") words.push("not at functions of socket storage");
  return words.join("; ");
}

function attachNames(types: readonly number[]): string[] {
  const names = new Map<number, string>(
    Object.entries(BpfAttachType).map(([name, value]) => [value, name.toLowerCase()]),
  );
  return types.map((type) => names.get(type) ?? `${type}`);
}

function sample(names: ReadonlySet<string>): string {
  const shown = [...names].slice(0, SAMPLE).join(", ");
  return names.size > SAMPLE ? `${shown} and ${names.size - SAMPLE} more` : shown;
}
