import { addressLinks } from "./address-links.ts";
import { type Cause, callName } from "./cause.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";
import { endOfBrackets, pointerIn } from "./source-text.ts";

/** What a line of C reads through a number. */
interface ReadPlace {
  /** Its address, as C: `"&ptr->field"`, `"ptr"`. */
  readonly address: string;
  /** What CO-RE's macro reads: `"ptr, field"`; null where it is no field. */
  readonly fields: string | null;
}

/** How to read what a number leads to. */
export function readFixes(refusal: Refusal, register: number, cause: Cause | null): Finding["fixes"] {
  const made = cause?.at.effect;
  const fromCall = made?.call != null && !made.call.startsWith("pc");
  if (made?.operation !== "load" && !fromCall) {
    return [
      fix(
        "Keep the pointer in a variable of pointer type, add only bounded numbers to it, and pass it on whole.",
      ),
    ];
  }
  const { address, fields } = readPlace(refusal, register, cause!) ?? { address: "ptr", fields: null };
  const typed = fromCall && callName(made.call!) === "bpf_get_current_task";
  return [
    ...(typed
      ? [
          fix(
            "Get the task with its type (Linux 5.11): then its fields may be read as they are.",
            `struct task_struct *${refusal.variable(cause?.at, "task")} = bpf_get_current_task_btf();`,
          ),
        ]
      : []),
    fields === null
      ? fix(
          "Memory of the kernel is copied by a helper.",
          `bpf_probe_read_kernel(&value, sizeof(value), ${address});`,
        )
      : fix("A field of a kernel object is read by CO-RE's macro.", `value = BPF_CORE_READ(${fields});`),
    ...(typed
      ? []
      : [
          fix(
            "Memory of a process is copied by another one.",
            `bpf_probe_read_user(&value, sizeof(value), ${address});`,
          ),
        ]),
  ];
}

/** What the refused line reads through the number that comes from `cause`; null where the line does not tell. */
function readPlace(refusal: Refusal, register: number, cause: Cause): ReadPlace | null {
  const line = refusal.last?.step.source?.text ?? "";
  const cast = castIn(line);
  if (cast !== null)
    return { address: /^\w+$/.test(cast) ? `(void *)${cast}` : `(void *)(${cast})`, fields: null };
  const names = namesOf(refusal, register, line);
  const chains = chainsIn(line);
  // What is loaded in the very line is one of its fields: a second one is read through it.
  const loaded = cause.at.step.source?.text === line;
  const fitting = chains.filter(({ name, fields }) =>
    loaded ? fields.length > 1 : names.size === 0 || names.has(name),
  );
  const [chain] = fitting;
  if (chain !== undefined && new Set(fitting.map(({ text }) => text)).size === 1)
    return {
      address: `&${chain.text}`,
      fields: chain.text.endsWith("]") ? null : [chain.name, ...chain.fields].join(", "),
    };
  const element = [...line.matchAll(/(?<!->|\.)\b([A-Za-z_]\w*)\[[^[\]]+\]/g)].find(
    ([, name]) => names.size === 0 || names.has(name!),
  );
  if (element !== undefined) return { address: `&${element[0]}`, fields: null };
  const pointer = pointerIn(line);
  return pointer === null || pointer.arrow ? null : { address: pointer.name, fields: null };
}

/** Names that the program gives the number on its way to where it is used. */
function namesOf(refusal: Refusal, register: number, line: string): ReadonlySet<string> {
  const names = addressLinks(refusal.history, register, refusal.last?.position ?? 0)
    .filter(({ at }) => at.step.source?.text !== line)
    .map(({ at }) => refusal.variable(at, ""));
  return new Set(names.filter((name) => name !== ""));
}

/** The expression of the only `*(type *)(…)` of a line. */
function castIn(line: string): string | null {
  const found = [...line.matchAll(/(?:^|[^\w)\]]|\breturn )\*\s*\([\w\s]+\*\s*\)\s*(\(|\w+)/g)];
  const [cast] = found;
  if (cast === undefined || found.length > 1) return null;
  const start = cast.index + cast[0].length - cast[1]!.length;
  if (cast[1] !== "(") return cast[1]!;
  const end = endOfBrackets(line, start);
  return end === null ? null : line.slice(start + 1, end - 1).trim();
}

function chainsIn(
  line: string,
): { readonly name: string; readonly fields: readonly string[]; readonly text: string }[] {
  return [...line.matchAll(/(?<!->|\.)\b([A-Za-z_]\w*)((?:->\w+(?:\.\w+)*)+)(?:\[[^[\]]+\])?/g)].map(
    ([text, name, path]) => ({
      name: name!,
      fields: path!.split("->").slice(1),
      text,
    }),
  );
}
