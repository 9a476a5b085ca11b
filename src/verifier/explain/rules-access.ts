import { programType } from "../../platform/index.ts";
import { addressLinks } from "./address-links.ts";
import { argumentFixes, wantedArgument } from "./argument-fixes.ts";
import { birthOf, type Cause, callName } from "./cause.ts";
import { causeOfMovedPointer } from "./cause-access.ts";
import { causeOfType } from "./cause-value.ts";
import { readFixes } from "./read-fixes.ts";
import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
import { valueText } from "./value-text.ts";

/** A number where a pointer is wanted. */
const NUMBERS: readonly RegExp[] = [
  /^R(\d+) invalid mem access '(?:scalar|inv|imm|unknown_value)'/,
  /^R(\d+) type=(?:scalar|inv|unknown_value) expected=/,
];

/** Accesses that are not allowed, whatever their offset. */
export const ACCESS_RULES: readonly Rule[] = [
  {
    code: "struct-access",
    patterns: [
      /^access beyond (?:struct|the end of member) (\S+)/,
      /^struct (\S+) doesn't have field at offset/,
      /^cannot access ptr member (\S+)/,
      /^R\d+ is (?:ptr_)?(\S+) invalid (?:negative access|variable offset): off=/,
      /^field (\S+) doesn't have size/,
    ],
    find: (match, refusal) => ({
      headline: `the access does not fit the fields of the kernel's struct ${match[1]!.replace(/^ptr_/, "")}`,
      ...ofBase(refusal, "there is no such field at this offset, or not of this size"),
      fixes: [
        fix(
          "Access a field with its own type, through a pointer to the right struct, with a constant offset.",
        ),
        fix(
          "Where the layout differs between kernels, let CO-RE find the offset.",
          "value = BPF_CORE_READ(task, tgid);",
        ),
      ],
    }),
  },
  {
    code: "invalidated-packet-pointer",
    patterns: NUMBERS,
    find: (match, refusal) => moved(Number(match[1]), refusal),
  },
  {
    code: "released-pointer",
    patterns: NUMBERS,
    find: (match, refusal) => released(Number(match[1]), refusal),
  },
  {
    code: "number-as-pointer",
    patterns: NUMBERS,
    find: (match, refusal) => number(Number(match[1]), refusal),
  },
  {
    code: "no-memory",
    patterns: [/^R(\d+) invalid mem access '(pkt_end|func|dynptr_ptr|map_ptr|\S+)'/],
    find: (match, refusal) => ({
      headline: `${valueText(match[2]!)} is no memory: nothing can be read or written through it`,
      operand: `R${match[1]}`,
      why: refusal.chain(Number(match[1]), "this access is refused", causeOf(refusal, Number(match[1]))),
      fixes: [
        fix(
          "Read the packet through data, up to data_end; reach what a dynptr holds by bpf_dynptr_data, bpf_dynptr_slice or bpf_dynptr_read.",
        ),
      ],
    }),
  },
  {
    code: "misaligned-access",
    patterns: [/^misaligned (?:(\S+) )?access off/],
    find: (match, refusal) => misaligned(match, refusal),
  },
  {
    code: "socket-access",
    patterns: [/^R(\d+) invalid (\S*sock\S*) access off=(-?\d+) size=(\d+)/],
    find: (match) => ({
      headline: `${valueText(match[2]!)} has no field at offset ${match[3]} that may be read with ${match[4]} bytes`,
      operand: `R${match[1]}`,
      need: "this field cannot be read through this kind of socket, or not with this size",
      fixes: [
        fix("Read the field with its own size, at its start (struct bpf_sock, struct bpf_tcp_sock)."),
        fix(
          "Most fields need the full socket: ask for it first, and test the result.",
          "struct bpf_sock *full = bpf_sk_fullsock(sk);\nif (!full)\n\treturn 0;",
        ),
      ],
    }),
  },
  {
    code: "map-object-access",
    patterns: [/^only read from (bpf_\S+) is supported/, /^map_ptr access not supported/],
    find: (match, refusal) => ({
      headline: "a map itself is written, where a value of it was meant",
      ...ofBase(refusal, `this writes into the kernel's ${match[1] ?? "struct bpf_map"}`),
      fixes: [
        fix(
          "Look the value up first. In a map of maps the first lookup gives a map: look up once more, in that one.",
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
      /^write to change key R(\d+) not allowed/,
      /^no write support to (\S+) at off/,
      /^write access at off/,
      /^the prog does not allow writes to packet data/,
      /may write into memory pointed by R(\d+)/,
    ],
    find: (match, refusal) => readOnly(match.input, refusal),
  },
  {
    code: "write-only-map",
    patterns: [/^read from map forbidden/],
    find: (_match, refusal) => ({
      headline: "a map is read that programs may only write (BPF_F_WRONLY_PROG)",
      ...ofBase(refusal, "the read is refused"),
      fixes: [fix("Create the map without BPF_F_WRONLY_PROG.")],
    }),
  },
  {
    code: "restricted-struct",
    patterns: [
      /^'struct \S+' access is allowed only to CAP_PERFMON/,
      /^Cannot access kernel 'struct \S+' from non-GPL/,
      /access (?:user|percpu) memory: off=/,
    ],
    find: (match, refusal) => {
      const [, kind] = /access (user|percpu) memory/.exec(match.input) ?? [];
      if (kind === undefined) {
        const licence = match.input.includes("non-GPL");
        return {
          headline: licence
            ? "structs of the kernel are only for programs under a licence compatible with the GPL"
            : "who loads a program that reads structs of the kernel needs CAP_PERFMON",
          ...ofBase(refusal, "this read is refused"),
          fixes: licence
            ? [
                fix(
                  "Declare such a licence, if the program has one.",
                  'char LICENSE[] SEC("license") = "GPL";',
                ),
              ]
            : [fix("Load it with CAP_PERFMON besides CAP_BPF.", "setcap cap_bpf,cap_perfmon=ep ./loader")],
        };
      }
      return {
        headline:
          kind === "user"
            ? "memory of a process is read directly"
            : "a variable that each CPU has its own of is read directly",
        ...ofBase(refusal, "this read is refused"),
        fixes: [
          kind === "user"
            ? fix("Copy it with a helper.", "bpf_probe_read_user(&value, sizeof(value), ptr);")
            : fix(
                "Get the address of this CPU's, or of one CPU's, first.",
                "int *value = bpf_per_cpu_ptr(&variable, cpu);\nif (!value)\n\treturn 0;",
              ),
        ],
      };
    },
  },
  {
    code: "arena-access",
    patterns: [
      /^addr_space_cast insn can/,
      /^Only one arena per program/,
      /^arena's user address must be set/,
      /^R\d+ is not a pointer to arena or scalar/,
      /^CAP_BPF and CAP_PERFMON are required to use arena/,
    ],
    find: (match) => ({
      headline: /^Only one/.test(match[0])
        ? "the program uses two arenas, and may use one"
        : /^arena's user/.test(match[0])
          ? "the arena has no address in user space: it was not mapped before the program was loaded"
          : /^R\d+ is not a pointer/.test(match[0])
            ? "what is converted to a pointer into the arena is neither a number nor such a pointer"
            : /^CAP_BPF/.test(match[0])
              ? "who loads a program that uses an arena needs CAP_BPF and CAP_PERFMON"
              : "a pointer into an arena is converted, and the program uses no arena",
      need: "this needs exactly one arena, that is mapped, and pointers of address space 1",
      fixes: [
        fix(
          "Use one arena map in the program, let libbpf map it (or give map_extra the address), and mark pointers into it __arena.",
          'struct {\n\t__uint(type, BPF_MAP_TYPE_ARENA);\n\t__uint(map_flags, BPF_F_MMAPABLE);\n\t__uint(max_entries, 100);\n} arena SEC(".maps");',
        ),
      ],
    }),
  },
  {
    code: "atomic-target",
    patterns: [/^BPF_(?:ATOMIC|XADD) (?:stores into|loads from) R(\d+) (\S+) is not allowed/],
    find: (match, refusal) => ({
      headline: `atomic operations are not allowed on ${valueText(match[2]!)}`,
      operand: `R${match[1]}`,
      need: "this atomic operation is refused",
      ...(refusal.last === undefined ? {} : {}),
      fixes: [
        fix(
          "Use atomic operations on map values, the stack or memory of the program's own; read and write others plainly.",
        ),
      ],
    }),
  },
];

function causeOf({ history, last }: Refusal, register: number) {
  return causeOfType(history, register, last?.position ?? 0);
}

/** The chain of the register through which the last instruction accesses memory. */
function ofBase(refusal: Refusal, need: string): Pick<Finding, "why" | "operand"> {
  const register = refusal.last?.effect.memory?.base;
  if (register === undefined) return { why: refusal.used(need) };
  if (register === 10) return { operand: "R10", why: refusal.used(need) };
  const birth = birthOf(refusal.history.origin(register, refusal.last!.position));
  const made = birth?.at.effect.call ?? null;
  const cause =
    birth === undefined || made === null
      ? null
      : { at: birth.at, text: `${callName(made)} gives ${valueText(refusal.known(register) ?? "")}` };
  return {
    operand: `R${register}`,
    why: refusal.chain(register, need, /map_ptr/.test(refusal.known(register) ?? "") ? cause : null),
  };
}

function readOnly(message: string, refusal: Refusal): Finding {
  const { last, history, program } = refusal;
  const register = last?.effect.memory?.base;
  const operand = register === undefined ? {} : { operand: `R${register}` };
  const headline = "memory is written that this program may only read";
  const need = "the write is refused";
  const birth = register === undefined ? undefined : birthOf(history.origin(register, last!.position));
  if (birth !== undefined && /^bpf_dynptr_slice(?:#|$)/.test(birth.at.effect.call ?? "")) {
    const line = birth.at.step.source?.text ?? "";
    const changed = line.replace(/\bbpf_dynptr_slice\(/, "bpf_dynptr_slice_rdwr(");
    return {
      headline: "memory is written that bpf_dynptr_slice gave for reading alone",
      ...operand,
      why: refusal.chain(register!, need, {
        at: birth.at,
        text: "bpf_dynptr_slice gives memory that may only be read",
      }),
      fixes: [
        fix(
          "Take the slice with bpf_dynptr_slice_rdwr. Where it gives the buffer, because the bytes do not lie together, write that back with bpf_dynptr_write.",
          changed === line ? "ptr = bpf_dynptr_slice_rdwr(&dynptr, offset, buf, sizeof(buf));" : changed,
        ),
      ],
    };
  }
  if (/^(?:only read is supported|no write support to|write access at off)/.test(message)) {
    return {
      headline: "a struct of the kernel is written, and programs may only read it",
      need,
      ...operand,
      fixes: [
        fix(
          "Keep what is to be remembered in a map, by the object's address or number; what programs may change of the kernel there are helpers and kernel functions for.",
        ),
      ],
    };
  }
  const packet =
    /packet/.test(message) || /^pkt/.test(register === undefined ? "" : (refusal.known(register) ?? ""));
  const type = program.type === undefined ? undefined : programType(program.type);
  if (packet && type?.packet !== "write") {
    return {
      headline: `packets may only be read by programs of ${type === undefined ? "this type" : `type ${type.name}`}`,
      need,
      ...operand,
      fixes: [
        fix(
          "Packets are written by programs of type xdp, sched_cls, sched_act, lwt_xmit, sk_skb and sk_msg alone: write it in one of these, as one of tc.",
          'SEC("tc")',
        ),
        fix("Or change a copy.", "__u8 copy[16];\n__builtin_memcpy(copy, pos, sizeof(copy));"),
      ],
    };
  }
  return {
    headline,
    need,
    ...operand,
    fixes: [
      fix(
        "Write to a variable of the program's own, or to a map that programs may write (no BPF_F_RDONLY_PROG, not `.rodata`).",
      ),
    ],
  };
}

function moved(register: number, refusal: Refusal): Finding | null {
  const cause = causeOf(refusal, register);
  if (cause?.ended !== "packet") return null;
  const xdp = /xdp/.test(cause.at.effect.call ?? "");
  const ctx = xdp ? "ctx" : "skb";
  return {
    headline: `a pointer into the packet is used after ${named(cause)}, which may move the packet`,
    operand: `R${register}`,
    why: refusal.chain(register, `R${register} does not point into the packet any more`, cause),
    fixes: [
      fix(
        "Load data and data_end anew after the call, and compare again: what was known of the packet is gone.",
        `data = (void *)(long)${ctx}->data;\ndata_end = (void *)(long)${ctx}->data_end;\nif (data + size > data_end)\n\treturn ${xdp ? "XDP_DROP" : 0};`,
      ),
      fix("Or read what is needed of the packet into variables before the call."),
    ],
  };
}

function released(register: number, refusal: Refusal): Finding | null {
  const cause = causeOf(refusal, register);
  if (cause?.ended !== "object" && cause?.ended !== "section") return null;
  const object = cause.ended === "object";
  return {
    headline: object
      ? `an object is used after ${named(cause)}, which gave it back`
      : `an object is used after ${named(cause)}, which ended the section that kept it alive`,
    operand: `R${register}`,
    why: refusal.chain(register, `R${register} points to nothing any more`, cause),
    fixes: [
      fix(
        `Read what is needed of the object before ${named(cause)}, and use the copies after it.`,
        `value = object->field;\n${named(cause)}(…);`,
      ),
    ],
  };
}

function named({ at }: Cause): string {
  return callName(at.effect.call ?? "");
}

function number(register: number, refusal: Refusal): Finding {
  const cause = causeOf(refusal, register);
  const call = refusal.last?.effect.call ?? null;
  if (call !== null) {
    const wanted = wantedArgument(refusal, register);
    return {
      headline: `argument ${register} of ${callName(call)} is a number, where ${wanted ?? "a pointer"} is wanted`,
      operand: `R${register}`,
      why: refusal.chain(register, `R${register} is a number to the verifier here`, cause),
      fixes: argumentFixes(refusal, register),
    };
  }
  return {
    headline: "a number is used as a pointer",
    operand: `R${register}`,
    why: refusal.chain(
      register,
      `R${register} is a number to the verifier here`,
      cause,
      [],
      addressLinks(refusal.history, register, refusal.last?.position ?? 0),
    ),
    fixes: readFixes(refusal, register, cause),
  };
}

function misaligned(match: RegExpExecArray, refusal: Refusal): Finding {
  const { last } = refusal;
  const memory = last?.effect.memory ?? null;
  const register = memory?.base ?? 0;
  const cause =
    memory === null ? null : causeOfMovedPointer(refusal.history, register, last!.position, memory.size);
  return {
    headline: `an access${match[1] === undefined ? "" : ` of the ${match[1]}`} is not aligned to its size`,
    operand: `R${register}`,
    why:
      register === 10
        ? refusal.used("the offset is no multiple of the access's size")
        : refusal.chain(register, "the address is no multiple of the access's size", cause),
    fixes: [
      fix(
        "Copy the bytes into an aligned variable, or read them one by one.",
        "__builtin_memcpy(&value, pointer, sizeof(value));",
      ),
      fix("Structs with __attribute__((packed)) make the compiler read bytes."),
    ],
  };
}
