import {
  type ContextField,
  ContextMap,
  defaultLayout,
  type FlatContext,
  type PlacedField,
  PROGRAM_TYPES,
  type ProgramType,
  programType,
  type StructContext,
} from "../../platform/index.ts";
import { causeOfMovedContext } from "./cause-access.ts";
import { bytesText } from "./number-text.ts";
import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";

/** Accesses of what a program is called with, and of kernel objects at offsets that are not constant. */
export const CONTEXT_RULES: readonly Rule[] = [
  {
    code: "context-access",
    patterns: [
      /^invalid bpf_context access off=(-?\d+) size=(\d+)/,
      /^invalid bpf_context access off=(-?\d+)/,
    ],
    find: (match, refusal) => {
      const { memory } = refusal.last?.effect ?? {};
      const size = match[2] === undefined ? (memory?.size ?? 0) : Number(match[2]);
      const access = { offset: Number(match[1]), size, write: memory?.store === true };
      const { type, section } = refusal.program;
      return {
        need: "this access is refused",
        ...(memory == null ? {} : { operand: `R${memory.base}` }),
        ...told(type === undefined ? undefined : programType(type), access, section),
      };
    },
  },
  {
    code: "modified-context-pointer",
    patterns: [
      /^dereference of modified (\S+) ptr R(\d+) off=(-?\d+)/,
      /^negative offset (\S+) ptr R(\d+) off=(-?\d+)/,
      /^variable (\S+) access var_off=/,
    ],
    find: (match, refusal) => modified(match, refusal),
  },
];

interface Access {
  readonly offset: number;
  readonly size: number;
  readonly write: boolean;
}

type Told = Pick<Finding, "headline" | "fixes">;

function told(program: ProgramType | undefined, access: Access, section: string | undefined): Told {
  switch (program?.context.kind) {
    case "struct":
      return ofStruct(program, program.context, access, section);
    case "flat":
      return ofFlat(program, program.context, access);
    case "arguments":
      return ofArguments(program, access);
    default:
      return ofUnknown(access);
  }
}

/** The log does not say of what type the program is. */
function ofUnknown({ offset, size, write }: Access): Told {
  return {
    headline: `the context has no field at offset ${offset} that may be ${write ? "written" : "read"}${size === 0 ? "" : ` with ${bytesText(size)}`}`,
    fixes: [
      ...(write
        ? [
            fix(
              "Most fields may only be read. A packet's start and end are moved by helpers, data and data_end are never written.",
              "bpf_xdp_adjust_head(ctx, delta);",
            ),
          ]
        : []),
      fix("Access the field with its own type and size, at its start."),
      fix(
        "Where the field belongs to another program type's context, the section's name, or the type of the parameter, is wrong.",
        'SEC("xdp")\nint prog(struct xdp_md *ctx)',
      ),
    ],
  };
}

function ofStruct(
  program: ProgramType,
  context: StructContext,
  access: Access,
  section: string | undefined,
): Told {
  const { offset, size, write } = access;
  const layout = defaultLayout();
  const placed = new ContextMap(context, layout).at(offset);
  if (placed === undefined) {
    const unread = ofOthersField(program, context, access);
    if (unread !== null) return unread;
    return {
      headline: `struct ${context.view}, the context of ${program.name} programs, has no field at offset ${offset}`,
      fixes: [
        ...otherViews(program, access).map(({ view, name, sections }) =>
          fix(
            `struct ${view} has ${name} there: give the program the parameter of its type (struct ${context.view}), or the section of the other (${sections}).`,
            `SEC("${section ?? program.name}")\nint prog(struct ${context.view} *ctx)`,
          ),
        ),
        fix("Access a field by its name, with its own type."),
      ],
    };
  }
  const { field } = placed;
  const name = `${context.view}.${field.name}`;
  if (write) return ofWrite(program, context, placed, access);
  if (!context.readable.has(field.name)) {
    const others = typesThatRead(context, field.name);
    return {
      headline: `${name} may not be read by ${program.name} programs`,
      fixes: [
        ...(/^data(?:_end|_meta)?$/.test(field.name)
          ? [
              fix(
                "Such programs have no direct access to the packet: copy what is needed of it.",
                "__u8 value;\nif (bpf_skb_load_bytes(skb, offset, &value, sizeof(value)))\n\treturn 0;",
              ),
            ]
          : []),
        ...accessibleFixes(program, context, others),
      ],
    };
  }
  const sizes = Object.keys(field.access.reads).map(Number);
  if (!sizes.includes(size) || offset !== placed.offset || offset % size !== 0) {
    return {
      headline: `${name} is read with ${bytesText(size)} at offset ${offset}: it lies at ${placed.offset}, and is read with ${listText(sizes)}`,
      fixes: [
        fix(
          "Read the whole field into a variable of its type, and take the part that is needed from that.",
          typed(field, sizes),
        ),
      ],
    };
  }
  return {
    headline: `${name} may not be read by a program that is loaded so`,
    fixes: [
      fix(
        "The field is there only for programs with another expected attach type, or more rights: see its section's name.",
      ),
    ],
  };
}

function typed({ name }: ContextField, sizes: readonly number[]): string {
  const bits = Math.max(...sizes) * 8;
  return `__u${bits} value = ctx->${name};`;
}

function ofWrite(
  program: ProgramType,
  context: StructContext,
  { field }: PlacedField,
  { size }: Access,
): Told {
  const name = `${context.view}.${field.name}`;
  const writable = [...context.writable.keys()].filter((each) => !each.endsWith("+"));
  if (context.writable.has(field.name)) {
    return {
      headline: `${name} is written with ${bytesText(size)}: it takes ${listText(field.access.writes)}`,
      fixes: [fix("Write the whole field at once, with its own type.")],
    };
  }
  const moves = MOVES.get(program.name);
  return {
    headline: `${name} may only be read`,
    fixes: [
      ...(/^data(?:_end|_meta)?$/.test(field.name) && moves !== undefined
        ? [
            fix(
              "Move a pointer of the program's own; where the packet itself is to begin or end elsewhere, a helper does that, and data and data_end are loaded again after it.",
              moves,
            ),
          ]
        : []),
      fix(
        writable.length === 0
          ? `Programs of type ${program.name} may write no field of their context: use a variable, or a map.`
          : `Programs of type ${program.name} may write ${writable.join(", ")}.`,
      ),
    ],
  };
}

/** What moves the ends of a packet, by program type. */
const MOVES: ReadonlyMap<string, string> = new Map([
  ["xdp", "if (bpf_xdp_adjust_head(ctx, delta))\n\treturn XDP_DROP;"],
  ["sched_cls", "if (bpf_skb_change_tail(skb, length, 0))\n\treturn TC_ACT_SHOT;"],
  ["sched_act", "if (bpf_skb_change_tail(skb, length, 0))\n\treturn TC_ACT_SHOT;"],
  ["lwt_xmit", "if (bpf_skb_change_head(skb, length, 0))\n\treturn BPF_DROP;"],
  ["sk_skb", "if (bpf_skb_change_tail(skb, length, 0))\n\treturn SK_DROP;"],
  ["sk_msg", "if (bpf_msg_pull_data(msg, start, end, 0))\n\treturn SK_DROP;"],
]);

/** A field of the struct that programs of other types see, and those of this type do not. */
function ofOthersField(program: ProgramType, context: StructContext, { offset, write }: Access): Told | null {
  const layout = defaultLayout();
  for (const { context: other } of PROGRAM_TYPES) {
    if (other.kind !== "struct" || other.view !== context.view) continue;
    const name = new ContextMap(other, layout).at(offset)?.field.name;
    if (name === undefined) continue;
    return {
      headline: `${context.view}.${name} may not be ${write ? "written" : "read"} by ${program.name} programs`,
      fixes: accessibleFixes(program, context, write ? [] : typesThatRead(context, name)),
    };
  }
  return null;
}

/** What programs of the type may read instead, and which others may read the field. */
function accessibleFixes(
  { name }: ProgramType,
  { view, readable }: StructContext,
  others: readonly string[],
): Finding["fixes"] {
  const fields = [...readable.keys()].filter((field) => !field.endsWith("+"));
  return [
    fix(
      fields.length === 0
        ? `Programs of type ${name} may read no field of struct ${view}.`
        : `Programs of type ${name} may read of struct ${view}: ${fields.join(", ")}.`,
    ),
    ...(others.length === 0 ? [] : [fix(`Programs of these types may read it: ${others.join(", ")}.`)]),
  ];
}

/** Programs that see the same struct and may read a field. */
function typesThatRead({ view }: StructContext, field: string): string[] {
  return PROGRAM_TYPES.filter(
    ({ context }) => context.kind === "struct" && context.view === view && context.readable.has(field),
  ).map(({ name }) => name);
}

/** The contexts that programs are confused about most, where they have a field at this very place. */
function otherViews(
  program: ProgramType,
  { offset, size }: Access,
): readonly { readonly view: string; readonly name: string; readonly sections: string }[] {
  const layout = defaultLayout();
  return [
    { type: "sched_cls", sections: 'SEC("tc")' },
    { type: "xdp", sections: 'SEC("xdp")' },
  ].flatMap(({ type, sections }) => {
    const other = PROGRAM_TYPES.find(({ name }) => name === type)?.context;
    if (other?.kind !== "struct" || program.context.view === other.view) return [];
    const placed = new ContextMap(other, layout).at(offset);
    if (placed?.offset !== offset || placed.field.access.reads[size] === undefined) return [];
    return [{ view: other.view, name: placed.field.name, sections }];
  });
}

function ofFlat(program: ProgramType, context: FlatContext, { offset, write }: Access): Told {
  if (write && !context.write) {
    return {
      headline: `the context of ${program.name} programs may only be read`,
      fixes: [fix("Write to a variable, or to a map.")],
    };
  }
  if (offset < context.start) {
    return {
      headline: `the first ${context.start} bytes of the context of ${program.name} programs are not for programs`,
      fixes: [
        fix(
          "Read the tracepoint's own fields, which come after these; who runs is told by helpers.",
          "pid = bpf_get_current_pid_tgid() >> 32;",
        ),
      ],
    };
  }
  return {
    headline: `the context of ${program.name} programs has nothing at offset ${offset} that may be ${write ? "written" : "read"} so`,
    fixes: [
      fix(
        "Access fields with their own size, at a multiple of it, within the struct that vmlinux.h has for this kind of program.",
      ),
    ],
  };
}

function ofArguments(program: ProgramType, { offset, write }: Access): Told {
  if (write) {
    return {
      headline: "arguments of the function or tracepoint that is traced may only be read",
      fixes: [fix("Copy the argument into a variable, and change that.")],
    };
  }
  const number = Math.floor(offset / 8) + 1;
  return {
    headline:
      offset % 8 !== 0
        ? `the context of ${program.name} programs is read at offset ${offset}: it is a row of words of 8 bytes, one for each argument`
        : `what the program is attached to has no argument ${number} that it may read`,
    fixes: [
      fix(
        "Declare no more parameters than there are, in their order, with the types of vmlinux.h; BPF_PROG makes the loads.",
        "int BPF_PROG(prog, struct task_struct *task)",
      ),
    ],
  };
}

function listText(sizes: readonly number[]): string {
  const words = sizes.map((size) => `${size}`);
  const last = words.pop() ?? "no";
  return `${words.length === 0 ? last : `${words.join(", ")} or ${last}`} ${last === "1" && words.length === 0 ? "byte" : "bytes"}`;
}

function modified(match: RegExpExecArray, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const register = match[2] === undefined ? pointerArgument(refusal, match[1]!) : Number(match[2]);
  if (register === null)
    return { headline: "a pointer that must not be moved was moved", need: "this is refused", fixes: [] };
  const context = match[1] === "ctx";
  const cause = causeOfMovedContext(history, register, last?.position ?? 0);
  const variable = cause !== null && cause.at.effect.reads.length > 1 && cause.at.effect.constant === null;
  const call = last?.effect.operation === "call";
  const what = context ? "the context" : "a kernel object";
  return {
    headline: call
      ? `a call is given ${what} at an offset, and wants it from its start`
      : variable
        ? `${what} is accessed at an offset that is not a constant`
        : `${what} is accessed through a pointer that was moved`,
    operand: `R${register}`,
    why: refusal.chain(
      register,
      call
        ? "this needs the pointer as the program got it"
        : "this needs the pointer as the program got it, and a constant offset",
      cause,
    ),
    fixes: variable
      ? [
          fix(
            `Read ${context ? "the context's fields" : "the fields"} with constant indices, into an array on the stack, and index that with a bounded number.`,
            "__u32 cb[4] = { skb->cb[0], skb->cb[1], skb->cb[2], skb->cb[3] };\nvalue = cb[i & 3];",
          ),
        ]
      : call
        ? [
            fix(
              `Pass ${what} itself.`,
              context ? "bpf_skb_load_bytes(skb, offset, &value, sizeof(value));" : null,
            ),
          ]
        : [
            fix(
              `Access fields through the pointer itself: \`${context ? "ctx" : "ptr"}->field\`. Where the compiler has computed an address once for several accesses, keep it from that right before each.`,
              `asm volatile("" : "+r"(${context ? "ctx" : "ptr"}));`,
            ),
          ],
  };
}

/** The argument of a call that has such a pointer: the message does not name it. */
function pointerArgument(refusal: Refusal, type: string): number | null {
  if (refusal.last?.effect.memory != null) return refusal.last.effect.memory.base;
  for (let register = 1; register <= 5; register++) {
    const known = refusal.known(register) ?? "";
    if (known.startsWith(type) && /off=|var_off/.test(known)) return register;
  }
  return null;
}
