import { type MapFieldKind, mapTraits } from "../../platform/index.ts";
import { mapTypeNames } from "../../uapi/index.ts";
import { calledName } from "./lock-call.ts";
import { type Finding, fix, type Refusal } from "./rule.ts";

/** A special field of values: how it is declared, and what is given its address. */
interface SpecialField {
  readonly calls: RegExp;
  /** The name in messages. */
  readonly name: string;
  readonly kind: MapFieldKind | null;
  readonly member: string;
  readonly use: string;
}

const FIELDS: readonly SpecialField[] = [
  {
    calls: /^bpf_res_spin_/,
    name: "bpf_res_spin_lock",
    kind: "spinLock",
    member: "struct bpf_res_spin_lock lock;",
    use: "if (bpf_res_spin_lock(&value->lock))\n\treturn 0;",
  },
  {
    calls: /^bpf_spin_/,
    name: "bpf_spin_lock",
    kind: "spinLock",
    member: "struct bpf_spin_lock lock;",
    use: "bpf_spin_lock(&value->lock);",
  },
  {
    calls: /^bpf_timer_/,
    name: "bpf_timer",
    kind: "timer",
    member: "struct bpf_timer timer;",
    use: "bpf_timer_init(&value->timer, &map, CLOCK_MONOTONIC);",
  },
  {
    calls: /^bpf_wq_/,
    name: "bpf_wq",
    kind: "timer",
    member: "struct bpf_wq work;",
    use: "bpf_wq_init(&value->work, &map, 0);",
  },
  {
    calls: /^bpf_task_work_/,
    name: "bpf_task_work",
    kind: "timer",
    member: "struct bpf_task_work work;",
    use: "bpf_task_work_schedule_signal(task, &value->work, &map, callback, NULL);",
  },
  {
    calls: /^bpf_kptr_/,
    name: "kptr",
    kind: "kptr",
    member: "struct task_struct __kptr *task;",
    use: "old = bpf_kptr_xchg(&value->task, task);",
  },
  {
    calls: /^bpf_list_/,
    name: "bpf_list_head",
    kind: "graphRoot",
    member: "struct bpf_spin_lock lock;\n\tstruct bpf_list_head head __contains(node, list);",
    use: "bpf_list_push_front(&value->head, &node->list);",
  },
  {
    calls: /^bpf_rbtree_/,
    name: "bpf_rb_root",
    kind: "graphRoot",
    member: "struct bpf_spin_lock lock;\n\tstruct bpf_rb_root root __contains(node, rb);",
    use: "bpf_rbtree_add(&value->root, &node->rb, less);",
  },
  {
    calls: /^bpf_refcount_/,
    name: "bpf_refcount",
    kind: null,
    member: "struct bpf_refcount refs;",
    use: "other = bpf_refcount_acquire(object);",
  },
];

/** What a helper wants of a value that is not there. */
export function specialFieldMissing(match: RegExpExecArray, refusal: Refusal): Finding {
  const register = Number(/\bR(\d+)/.exec(match.input)?.[1] ?? 1);
  const name = calledName(refusal);
  const field =
    FIELDS.find(({ calls }) => calls.test(name)) ?? FIELDS.find((each) => match.input.includes(each.name));
  const map = /\bmap '([^']*)'/.exec(match.input)?.[1] ?? mapOf(refusal.known(register));
  const type = map === null ? undefined : refusal.program.mapTypes?.get(map);
  const kind = field?.kind ?? null;
  if (type !== undefined && kind !== null && mapTraits(type)?.fields.has(kind) === false) {
    const typeName = mapTypeNames[type] ?? `number ${type}`;
    return {
      headline: `maps of type ${typeName} cannot hold a ${field!.name}`,
      operand: `R${register}`,
      why: refusal.chain(register, `${map} is of type ${typeName}: its values have no such fields`, null),
      fixes: holdingFixes(kind, field!.name, typeName),
    };
  }
  return {
    headline: `a helper wants the ${field?.name ?? match[1]} of a value, and is not given its address`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      "the address must be that of the field, at a constant offset, in a map with BTF",
      null,
    ),
    fixes: missingFixes(match.input, field, type),
  };
}

function mapOf(value: string | null): string | null {
  return /\bmap=([^,)]+)/.exec(value ?? "")?.[1] ?? null;
}

/** Map types whose values may have the field. */
function holdingFixes(kind: MapFieldKind, name: string, type: string): Finding["fixes"] {
  const shared = `Keep it in an array or a hash: values of these may have a ${name}.`;
  return [
    fix(shared, "__uint(type, BPF_MAP_TYPE_ARRAY);"),
    ...(kind === "spinLock" && type.includes("percpu")
      ? [
          fix(
            "Or do without: values of per-CPU maps are each CPU's own, and atomic additions need no lock.",
            "__sync_fetch_and_add(&value->count, 1);",
          ),
        ]
      : []),
  ];
}

function missingFixes(
  message: string,
  field: SpecialField | undefined,
  type: number | undefined,
): Finding["fixes"] {
  const use = fix(
    "Pass the address of the field itself, of a map whose value type has it.",
    field === undefined ? null : `struct value {\n\t${field.member}\n};\n…\n${field.use}`,
  );
  const typed = fix(
    "The map needs BTF: declare its value by __type, not by value_size.",
    "__type(value, struct value);",
  );
  const tag = fix(
    "The type of the member needs its __kptr tag in BTF: compilers before clang 16 leave none, and the field is not found then.",
    "clang-16 -O2 -g -target bpf -c prog.bpf.c",
  );
  const unknown = type === undefined && field?.kind != null && /has to have BTF/.test(message);
  return [
    use,
    ...(field?.name === "kptr" ? [tag] : []),
    typed,
    ...(unknown
      ? [
          fix(
            `Not every type of map can hold a ${field.name}, and loaders leave the types of such a map out: an array or a hash can.`,
            "__uint(type, BPF_MAP_TYPE_HASH);",
          ),
        ]
      : []),
  ];
}
