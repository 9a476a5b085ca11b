import { wrapped } from "../base/index.ts";
import {
  type GrantCondition,
  HELPER_PROTOTYPES,
  HELPER_SIGNATURES,
  type HelperArgument,
  type HelperCaller,
  type HelperPrototype,
  type HelperReturn,
  helperCallers,
  helperSince,
} from "../platform/index.ts";
import { BpfAttachType, BpfFuncId, helperId } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { HELPER_PREFIX, helperOf } from "./helper-names.ts";
import { type Style, styleOf } from "./style.ts";

/** Prose is not read in longer lines. */
const COLUMNS = 80;

/** `tsbpf help helper [NAME]`: what a helper takes and gives, since when, and in which programs; or all of them. */
export async function helpHelper({ io, words, json, pretty }: Invocation): Promise<number> {
  if (words.count === 0) {
    const all = BPF_HELPERS.map(({ id, name }) => ({ name, number: id, since: helperSince(id) ?? null }));
    io.stdout.write(
      json
        ? `${jsonText(all, pretty)}\n`
        : all
            .map(
              ({ name, number, since }) => `${`${number}`.padStart(3)}  ${`${since}`.padEnd(4)}  ${name}\n`,
            )
            .join(""),
    );
    return 0;
  }
  const word = words.take();
  words.end();
  const id = numberOf(word);
  if (id === undefined) throw new CommandError(`there is no helper '${word}'${suggestion(word)}`);
  const told = toldOf(id);
  io.stdout.write(json ? `${jsonText(told, pretty)}\n` : textOf(told, styleOf(io.stdout)));
  return 0;
}

function jsonText(value: unknown, pretty: boolean): string {
  return JSON.stringify(value, null, pretty ? 4 : undefined);
}

const BPF_HELPERS = Object.entries(BpfFuncId)
  .filter(([name]) => name !== "unspec")
  .map(([name, id]) => ({ name: `${HELPER_PREFIX}${name}`, id }));

function numberOf(word: string): number | undefined {
  return helperOf(word) ?? helperId(word) ?? BPF_HELPERS.find(({ id }) => `${id}` === word)?.id;
}

/** Helpers whose names have the word in them. */
function suggestion(word: string): string {
  const part = word.replace(HELPER_PREFIX, "");
  const near = BPF_HELPERS.filter(({ name }) => part !== "" && name.includes(part)).map(({ name }) => name);
  if (near.length === 0) return ": 'tsbpf help helper' lists them";
  return `, but ${near.slice(0, 5).join(", ")}${near.length > 5 ? " …" : ""}`;
}

interface HelperForm {
  readonly arguments: readonly { readonly name: string; readonly type: string; readonly meaning: string }[];
  readonly returns: { readonly type: string; readonly meaning: string };
  readonly programs: readonly { readonly type: string; readonly conditions: readonly string[] }[];
}

interface HelperText {
  readonly name: string;
  readonly number: number;
  readonly signature: string;
  readonly since: string | null;
  readonly gplOnly: boolean;
  readonly mightSleep: boolean;
  readonly changesPacket: boolean;
  /** What it takes and gives: where program types differ in it, once for each. */
  readonly forms: readonly HelperForm[];
}

function toldOf(id: number): HelperText {
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
  return {
    name: common.name,
    number: id,
    signature,
    since: helperSince(id) ?? null,
    gplOnly: callers.some(({ prototype }) => prototype.gplOnly),
    mightSleep: common.mightSleep,
    changesPacket: common.changesPacket,
    forms: [...groups.values()].map((group) => formOf(group, names)),
  };
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

function argumentText({ type, flags, size, btf }: HelperArgument, next: string | undefined): string {
  const has = (flag: (typeof flags)[number]) => flags.includes(flag);
  const nullable = has("PTR_MAYBE_NULL") ? ", or NULL" : "";
  const use = has("MEM_UNINIT") ? "filled" : has("MEM_WRITE") ? "read and written" : "read";
  switch (type) {
    case "ARG_ANYTHING":
      return "any number";
    case "ARG_CONST_MAP_PTR":
      return "a map, the same on every path";
    case "ARG_PTR_TO_MAP_KEY":
      return "memory with a key of the map: as many bytes as its key_size, all initialised";
    case "ARG_PTR_TO_MAP_VALUE":
      return `memory for a value of the map: as many bytes as its value_size${has("MEM_UNINIT") ? ", which is filled" : ", all initialised"}${nullable}`;
    case "ARG_PTR_TO_MEM":
      return has("MEM_FIXED_SIZE")
        ? `${size} bytes of memory that are ${use}${nullable}`
        : `memory that is ${use}, of as many bytes as ${next ?? "the next argument"} says${nullable}`;
    case "ARG_CONST_SIZE":
      return "the size in bytes: bounded, and at least 1";
    case "ARG_CONST_SIZE_OR_ZERO":
      return "the size in bytes: bounded, or 0";
    case "ARG_CONST_ALLOC_SIZE_OR_ZERO":
      return "the size in bytes: a constant";
    case "ARG_PTR_TO_CTX":
      return `the context, as the program was given it${nullable}`;
    case "ARG_PTR_TO_SPIN_LOCK":
      return "the struct bpf_spin_lock in a map value or an allocated object";
    case "ARG_PTR_TO_TIMER":
      return "the struct bpf_timer in a map value";
    case "ARG_PTR_TO_SOCK_COMMON":
      return `a socket, of any kind${nullable}`;
    case "ARG_PTR_TO_SOCKET":
      return `a full socket (struct bpf_sock)${nullable}`;
    case "ARG_PTR_TO_BTF_ID_SOCK_COMMON":
      return `a socket, of any kind${has("OBJ_RELEASE") ? ", that was acquired: it is given back" : ""}${nullable}`;
    case "ARG_PTR_TO_BTF_ID":
      if (btf === null)
        return `a pointer to a kernel object${has("OBJ_RELEASE") ? ", that is given away" : ""}${nullable}`;
      return `a struct ${btf} of the kernel${nullable}`;
    case "ARG_PTR_TO_PERCPU_BTF_ID":
      return "the address of a per-CPU variable of the kernel (__ksym)";
    case "ARG_PTR_TO_RINGBUF_MEM":
      return "a record that was reserved: it is given back";
    case "ARG_PTR_TO_FUNC":
      return "a static function of the program";
    case "ARG_PTR_TO_STACK":
      return `memory of the stack${nullable}`;
    case "ARG_PTR_TO_CONST_STR":
      return "a constant string in .rodata, or another frozen read-only map";
    case "ARG_KPTR_XCHG_DEST":
      return "a referenced pointer (__kptr) in a map value or an allocated object";
    case "ARG_PTR_TO_DYNPTR":
      return has("MEM_UNINIT")
        ? "a struct bpf_dynptr on the stack that holds nothing yet: it is made"
        : has("OBJ_RELEASE")
          ? "a dynptr of a reserved record: it is given back"
          : "a dynptr";
    default:
      return type;
  }
}

function returnText({ type, flags, btf }: HelperReturn): string {
  const nullable = flags.includes("PTR_MAYBE_NULL") ? ", or NULL: test it before it is used" : "";
  switch (type) {
    case "RET_INTEGER":
      return "a number";
    case "RET_VOID":
      return "nothing";
    case "RET_PTR_TO_MAP_VALUE":
      return `a pointer to a map value${nullable}`;
    case "RET_PTR_TO_SOCKET":
      return `a socket (struct bpf_sock)${nullable}`;
    case "RET_PTR_TO_TCP_SOCK":
      return `a TCP socket (struct bpf_tcp_sock)${nullable}`;
    case "RET_PTR_TO_SOCK_COMMON":
      return `a socket of any kind (struct bpf_sock)${nullable}`;
    case "RET_PTR_TO_MEM":
      return `a pointer to memory${nullable}`;
    case "RET_PTR_TO_MEM_OR_BTF_ID":
      return `a pointer to the variable${nullable}`;
    default:
      return `a pointer to ${btf === null ? "a kernel object" : `a struct ${btf} of the kernel`}${nullable}`;
  }
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

function textOf(told: HelperText, style: Style): string {
  const { signature, number, since, gplOnly, mightSleep, changesPacket, forms } = told;
  const width = Math.min(style.width, COLUMNS);
  const lines = [...callLines(signature, width, style), ""];
  lines.push(...row("number", `${number}${since === null ? "" : `, since Linux ${since}`}`, width, style));
  if (gplOnly)
    lines.push(...row("licence", "only for programs under a licence compatible with the GPL", width, style));
  if (mightSleep)
    lines.push(...row("sleeps", "it may sleep: only sleepable programs may call it", width, style));
  if (changesPacket)
    lines.push(
      ...row("packet", "it may move the packet: load data and data_end again behind it", width, style),
    );
  for (const form of forms) {
    if (forms.length > 1) lines.push("");
    lines.push(...formLines(form, width, style));
  }
  if (forms.length === 0) lines.push(...row("programs", "none that are known", width, style));
  return `${lines.join("\n")}\n`;
}

/** The declaration; where it is too long for a line, with its parameters below each other. */
function callLines(signature: string, width: number, style: Style): string[] {
  if (signature.length <= width) return [style.bold(signature)];
  const [, head = "", parameters = ""] = /^(.*\()(.*)\)$/.exec(signature) ?? [];
  const each = parameters.split(", ");
  return [head, ...each.map((parameter, i) => `        ${parameter}${i + 1 < each.length ? "," : ")"}`)].map(
    style.bold,
  );
}

function formLines(
  { arguments: args, returns, programs }: HelperForm,
  width: number,
  style: Style,
): string[] {
  const lines = args.flatMap(({ name, meaning }) => row(name, meaning, width, style));
  lines.push(...row("returns", returns.meaning, width, style));
  const free = programs.filter(({ conditions }) => conditions.length === 0).map(({ type }) => type);
  const bound = programs.filter(({ conditions }) => conditions.length > 0);
  if (free.length > 0) lines.push(...row("programs", free.join(", "), width, style));
  const conditions = new Map<string, string[]>();
  for (const { type, conditions: own } of bound) {
    const text = own.join(", or ");
    conditions.set(text, [...(conditions.get(text) ?? []), type]);
  }
  let title = free.length > 0 ? "" : "programs";
  for (const [text, types] of conditions) {
    lines.push(...row(title, `${types.join(", ")} (${text})`, width, style));
    title = "";
  }
  return lines;
}

const TITLE = 14;

function row(title: string, text: string, width: number, style: Style): string[] {
  return wrapped(text, width - TITLE - 2).map(
    (each, i) => `  ${style.dim((i === 0 ? title : "").padEnd(TITLE))}${each}`,
  );
}
