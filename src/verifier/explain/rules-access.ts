import type { ValueLink } from "./history.ts";
import { type Finding, fix, type Refusal, type Rule, stepOf } from "./rule.ts";
import { rangeText, valueText } from "./value-text.ts";

/** Accesses of memory outside of what is known to be there. */
export const ACCESS_RULES: readonly Rule[] = [
  {
    code: "packet-out-of-bounds",
    patterns: [
      /^R(\d+) offset is outside of the packet/,
      /^invalid access to packet, off=-?\d+ size=-?\d+, R(\d+)/,
    ],
    find: (match, refusal) => packet(Number(match[1]), refusal),
  },
  {
    code: "map-value-out-of-bounds",
    patterns: [
      /^invalid access to map value, value_size=(\d+) off=(-?\d+) size=(\d+)/,
      /^R(\d+) (?:min|max) value is outside of the (?:allowed memory range|array range)/,
    ],
    find: (match, refusal) => fixedBounds(match, refusal, "map value"),
  },
  {
    code: "memory-out-of-bounds",
    patterns: [
      /^invalid access to memory, mem_size=(\d+) off=(-?\d+) size=(\d+)/,
      /^R\d+ invalid (?:rdonly|rdwr) buffer access: off=(-?\d+), size=(\d+)/,
      /^access beyond (?:struct|the end of member) (\S+)/,
    ],
    find: (match, refusal) => fixedBounds(match, refusal, "memory"),
  },
  {
    code: "unbounded-offset",
    patterns: [
      /^R(\d+) unbounded memory access, make sure to bounds check any such access/,
      /^R(\d+) unbounded memory access/,
      /^math between (\S+) pointer and register with unbounded min value is not allowed/,
      /^value (-?\d+) makes (\S+) pointer be out of bounds/,
    ],
    find: (match, refusal) => variable(match, refusal, "can be any number"),
  },
  {
    code: "negative-offset",
    patterns: [
      /^R(\d+) min value is negative/,
      /^R(\d+) is bpf_array invalid negative access: off=-?\d+/,
      /^(\S+) pointer offset -?\d+ is not allowed/,
      /^math between (\S+) pointer and -?\d+ is not allowed/,
    ],
    find: (match, refusal) => variable(match, refusal, "may be negative"),
  },
  {
    code: "number-as-pointer",
    patterns: [/^R(\d+) invalid mem access '(?:scalar|inv)'/, /^R(\d+) type=(?:scalar|inv) expected=/],
    find: (match, refusal) => number(Number(match[1]), refusal),
  },
  {
    code: "context-access",
    patterns: [/^invalid bpf_context access off=(-?\d+) size=(\d+)/],
    find: (match, refusal) => ({
      headline: `the context has no field at offset ${match[1]} that may be accessed with ${match[2]} bytes in this way`,
      ...chainOfBase(refusal, "this access is refused"),
      fixes: [
        fix(
          "Access the field with its own type and size, at its start; some fields may only be read, or only by some program types.",
        ),
        fix(
          "Where the field belongs to another program type's context, load the program with that type (its section name decides).",
        ),
      ],
    }),
  },
  {
    code: "modified-context-pointer",
    patterns: [
      /^dereference of modified ctx ptr R(\d+) off=(-?\d+)/,
      /^negative offset ctx ptr R(\d+) off=(-?\d+)/,
      /^variable ctx access var_off=/,
    ],
    find: (match, refusal) => ({
      headline: "the context is accessed through a pointer that was moved",
      ...(match[1] === undefined ? {} : { operand: `R${match[1]}` }),
      why:
        match[1] === undefined
          ? []
          : refusal.chain(
              Number(match[1]),
              "accesses of the context need its own address and a constant offset",
              {
                changed: ({ at }) => `\`${at.step.text}\` moves the pointer`,
              },
            ),
      fixes: [
        fix(
          "Access fields through the context pointer itself, with constant offsets; do not let the compiler share `ctx + offset` (a barrier, or `volatile`, keeps the accesses apart).",
          'asm volatile("" : "+r"(ctx));',
        ),
      ],
    }),
  },
  {
    code: "misaligned-access",
    patterns: [/^misaligned (\S+) access off/],
    find: (match, refusal) => ({
      headline: `an access of the ${match[1]} is not aligned to its size`,
      ...chainOfBase(refusal, "the address is no multiple of the access's size"),
      fixes: [
        fix(
          "Copy the bytes into an aligned variable, or read them one by one.",
          "__builtin_memcpy(&value, pointer, sizeof(value));",
        ),
      ],
    }),
  },
  {
    code: "socket-access",
    patterns: [/^R(\d+) invalid (\S*sock\S*) access off=(-?\d+) size=(\d+)/],
    find: (match, refusal) => ({
      headline: `${valueText(match[2]!)} has no field at offset ${match[3]} that may be read with ${match[4]} bytes`,
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "this field cannot be read through this kind of socket"),
      fixes: [
        fix(
          "Ask for the full socket first, and test the result.",
          "struct bpf_sock *full = bpf_sk_fullsock(sk);\nif (!full)\n\treturn 0;",
        ),
      ],
    }),
  },
  {
    code: "read-only-memory",
    patterns: [
      /^R(\d+) cannot write into (\S+)/,
      /^write into map forbidden/,
      /^cannot write into (\S+)/,
      /^only read is supported/,
      /^only read from (\S+) is supported/,
    ],
    find: (_match, refusal) => ({
      headline: "memory is written that this program may only read",
      ...chainOfBase(refusal, "the write is refused"),
      fixes: [
        fix(
          "Write to a variable of the program's own, or to a map that programs may write (no BPF_F_RDONLY_PROG, not `.rodata`).",
        ),
      ],
    }),
  },
  {
    code: "write-only-map",
    patterns: [/^read from map forbidden/],
    find: (_match, refusal) => ({
      headline: "a map is read that programs may only write (BPF_F_WRONLY_PROG)",
      ...chainOfBase(refusal, "the read is refused"),
      fixes: [fix("Create the map without BPF_F_WRONLY_PROG.")],
    }),
  },
];

/** The chain of the register through which the last instruction accesses memory. */
function chainOfBase(refusal: Refusal, need: string): Pick<Finding, "why" | "operand"> {
  const register = refusal.last?.effect.reads[0];
  if (register === undefined || refusal.last === undefined) return {};
  if (register === 10) return { operand: "R10", why: [stepOf(refusal.last, "used", need)] };
  return { operand: `R${register}`, why: refusal.chain(register, need) };
}

function packet(register: number, refusal: Refusal): Finding {
  const known = refusal.history.known(register, refusal.last?.position ?? 0) ?? "";
  const range = Number(/\br=(\d+)/.exec(known)?.[1] ?? 0);
  const compared =
    range === 0
      ? "nothing is known of the bytes behind it: it was not compared with data_end on this path"
      : `only ${range} bytes from the packet's start are known to be there on this path`;
  return {
    headline: "a packet is accessed beyond what was compared with data_end",
    operand: `R${register}`,
    why: refusal.chain(register, `this access needs more: ${compared}`, {
      made: ({ place }) => `${place} points into the packet`,
    }),
    fixes: [
      fix(
        "Compare the end of what is accessed with data_end first, and leave where it is beyond.",
        "if (data + offset + size > data_end)\n\treturn 0;",
      ),
      fix(
        "After a helper that may move the packet (bpf_skb_pull_data, bpf_xdp_adjust_head …) load data and data_end again, and compare again.",
      ),
    ],
  };
}

function fixedBounds(match: RegExpExecArray, refusal: Refusal, what: string): Finding {
  const register = refusal.last?.effect.reads[0] ?? 0;
  const message = refusal.log.messages.find((line) => /size=\d+/.test(line)) ?? match[0];
  const size = /(?:value_size|mem_size)=(\d+)/.exec(message)?.[1];
  const off = /\boff=(-?\d+)/.exec(message)?.[1];
  const bytes = /(?<![a-z_])size=(\d+)/.exec(message)?.[1];
  const reach =
    size === undefined || off === undefined
      ? `the access leaves the ${what}`
      : `the access of ${bytes} bytes at offset ${off} leaves the ${what}, which has ${size}`;
  return {
    headline: `a ${what} is accessed outside of its bounds`,
    operand: `R${register}`,
    why: refusal.chain(register, reach, { changed: widened }),
    fixes: [
      fix(
        "Bound the index before it is used: a comparison, or a mask, on the very variable that is added to the pointer.",
        "if (index >= ARRAY_SIZE(value->items))\n\treturn 0;",
      ),
      fix(
        "Access no more bytes than the type has: check the size of what is read, and the value size of the map.",
      ),
    ],
  };
}

/** Arithmetic behind which a number has no upper limit. */
function widened({ at, place, known }: ValueLink): string | undefined {
  if (known === null) return undefined;
  const range = rangeText(known);
  return range === null
    ? `\`${at.step.text}\`: nothing is known of how large ${place} is behind this`
    : undefined;
}

function variable(match: RegExpExecArray, refusal: Refusal, problem: string): Finding {
  const named = /^\d+$/.test(match[1] ?? "") && match[0].startsWith("R") ? Number(match[1]) : null;
  const { last } = refusal;
  const register = offsetRegister(refusal, named);
  const source = last === undefined ? null : culprit(refusal, register, last.position);
  return {
    headline: `an offset into memory ${problem}`,
    operand: `R${register}`,
    why: source ?? refusal.chain(register, `the offset ${problem}`),
    fixes: [
      fix(
        "Test the variable against its limits, on this path, before it is used: unsigned, so that one comparison will do.",
        "if (index >= MAX)\n\treturn 0;",
      ),
      fix("Or cut it off with a mask that is a constant.", "index &= MAX - 1;"),
      fix(
        "The test must be of the same variable: a copy made before it, or a value loaded from memory again, knows nothing of it.",
      ),
    ],
  };
}

/** Arithmetic that is refused has the offset on its right; of an access it is the pointer. */
function offsetRegister(refusal: Refusal, named: number | null): number {
  const { last } = refusal;
  if (last?.effect.operation === "alu") return last.effect.reads[1] ?? last.effect.writes;
  return named ?? last?.effect.reads[0] ?? 0;
}

/** Follows the pointer to the addition of the variable, and that variable to where it comes from. */
function culprit(refusal: Refusal, register: number, before: number) {
  const links = refusal.history.origin(register, before);
  const addition = links.find(
    ({ at, kind }) => kind === "changed" && at.effect.operation === "alu" && at.effect.reads.length > 1,
  );
  if (addition === undefined || refusal.last === undefined) return null;
  const added = addition.at.effect.reads[1]!;
  const range = refusal.history.known(added, addition.at.position);
  const limits = range === null ? null : rangeText(range);
  const origin = refusal.history
    .origin(added, addition.at.position)
    .map((link) => stepOf(link.at, "origin", `${link.place} is set by \`${link.at.step.text}\``))
    .reverse();
  return [
    ...origin,
    stepOf(
      addition.at,
      "lost",
      `R${added} is added to the pointer; ${limits === null ? "nothing is known of its size" : `it can be ${limits}`}`,
    ),
    stepOf(refusal.last, "used", "the access is made at an offset that may be too far"),
  ];
}

function number(register: number, refusal: Refusal): Finding {
  const { last } = refusal;
  const known = last === undefined ? null : refusal.history.known(register, last.position);
  const isNull = known !== null && /^(?:inv)?P?0$/.test(known);
  const links = last === undefined ? [] : refusal.history.origin(register, last.position);
  const oldest = links.at(-1);
  if (isNull) {
    return {
      headline: "a pointer is used on the path where it is NULL",
      operand: `R${register}`,
      why: refusal.chain(register, `R${register} is 0 on this path`),
      fixes: [
        fix(
          "Leave before this instruction where the pointer is NULL: the test is there, but this path goes on.",
          "if (!ptr)\n\treturn 0;",
        ),
      ],
    };
  }
  const loaded = oldest?.at.effect.operation === "load";
  return {
    headline: "a number is used as a pointer",
    operand: `R${register}`,
    why: refusal.chain(register, `R${register} is a number here: memory cannot be accessed through it`, {
      made: ({ at, place }) =>
        at.effect.operation === "load"
          ? `${place} is loaded from memory: to the verifier that is a number`
          : at.effect.call === null
            ? `${place} is a number`
            : `${at.effect.call} gives a number, in ${place}`,
    }),
    fixes: loaded
      ? [
          fix(
            "Read memory of the kernel, or of a process, with a helper.",
            "bpf_probe_read_kernel(&value, sizeof(value), pointer);",
          ),
          fix(
            "With CO-RE, let the macro follow the pointers.",
            "value = BPF_CORE_READ(task, real_parent, tgid);",
          ),
        ]
      : [
          fix(
            "Keep the pointer in a variable of pointer type, and do no arithmetic on it but additions of bounded numbers.",
          ),
        ],
  };
}
