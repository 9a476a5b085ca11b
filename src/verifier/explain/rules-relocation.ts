import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";

/** What a loader puts where a CO-RE relocation found nothing: a call of a helper that no kernel has. */
const POISON = "195896080";

/** References that a loader could not resolve, and left for the verifier to find. */
export const RELOCATION_RULES: readonly Rule[] = [
  {
    code: "core-relocation",
    patterns: [
      /^failed to resolve CO-RE relocation (.*)$/,
      new RegExp(`^invalid func unknown#${POISON}`),
      // Kernels before 6.0 give the number alone; libbpf writes a line of its own.
      new RegExp(`^invalid func \\S*#?${POISON}`),
    ],
    find: (match, refusal) => unresolved(match[1], refusal),
  },
];

function unresolved(told: string | undefined, refusal: Refusal): Finding {
  const index = refusal.last?.step.index;
  const own = index === undefined ? undefined : refusal.program.relocations?.get(index);
  const wanted = own ?? (told === undefined ? null : plainSpec(told));
  return {
    headline: `${wanted ?? "a field, type or value of the kernel"} is not there on the kernel that the program was loaded for`,
    need: "the loader found no such thing in the kernel's types (CO-RE), and put an instruction here that no kernel takes",
    fixes: fixesFor(wanted),
  };
}

/** Of `<byte_off> [24] struct task_struct___old.field (0:0 @ offset 0)` what C would say. */
function plainSpec(text: string): string {
  return text
    .replace(/^<\w+> /, "")
    .replace(/^\[\d+\] /, "")
    .replace(/ \(.*\)$/, "")
    .replace(/___\w+/, "");
}

function fixesFor(wanted: string | null): Finding["fixes"] {
  const [, kind = "struct", type = "task_struct", path = "", name = ""] =
    /^(struct|union|enum|typedef)? ?(\w+)(?:(\.[\w.[\]]+)|::(\w+))?/.exec(wanted ?? "") ?? [];
  if (name !== "") {
    return [
      fix(
        "Ask first: where the kernel has no such value, what the test guards is never looked at.",
        `if (bpf_core_enum_value_exists(enum ${type}, ${name}))\n\tvalue = bpf_core_enum_value(enum ${type}, ${name});`,
      ),
      TARGET,
    ];
  }
  const field = path === "" ? "field" : path.slice(1);
  return [
    fix(
      "Ask first: where the kernel has no such field, what the test guards is never looked at.",
      `${kind} ${type} *p = …;\nif (bpf_core_field_exists(p->${field}))\n\tvalue = BPF_CORE_READ(p, ${field});`,
    ),
    fix(
      "Where other kernels name the field otherwise, declare the type a second time, with three underscores and any word after its name, and read through that one there.",
      `${kind} ${type}___new {\n\tint other_name;\n} __attribute__((preserve_access_index));`,
    ),
    TARGET,
  ];
}

const TARGET = fix(
  "Where the program is meant for another kernel than this one, verify it against the types of that kernel.",
  "tsbpf verify prog.bpf.o --btf /path/to/vmlinux.btf",
);
