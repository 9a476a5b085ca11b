import {
  canBeSleepable,
  helperCallers,
  helperCount,
  helperSince,
  KFUNC_SETS,
  type KfuncHook,
  programType,
  SECTION_DEFINITIONS,
} from "../../platform/index.ts";
import { helperName } from "../../uapi/index.ts";
import { callName } from "./cause.ts";
import { newestCall } from "./cause-reference.ts";
import { type Finding, fix, type Refusal, type Rule } from "./rule.ts";
import { argumentsIn } from "./source-text.ts";

/** Functions that there are not, or not for this program. */
export const CALLEE_RULES: readonly Rule[] = [
  {
    code: "helper-not-allowed",
    patterns: [
      /^program of this type cannot use helper (\S+?)#(\d+)/,
      /^unknown func (\S+)#(\d+)/,
      /^func (\S+?)#(\d+) (?:supported only for|not supported for)/,
      /^helper call is not allowed in probe/,
      /^BPF_LD_\[ABS\|IND\] instructions not allowed for this program type/,
    ],
    find: (match, refusal) => notForType(match, refusal),
  },
  {
    code: "unknown-kfunc",
    patterns: [
      /^kernel btf_id \d+ is not a function/,
      /^invalid kernel function call not eliminated/,
      /^failed to find BTF for kernel function/,
      /^kernel function btf_id \d+ does not have a valid func_proto/,
      /^cannot find address for kernel function/,
      /^BTF fd for kfunc is not a module BTF/,
      /^invalid module BTF (?:object )?(?:fd|FD) specified/,
      /^kfunc offset > 0 without fd_array/,
      /^kfunc '(\S+)' is referenced but wasn't resolved/,
      // What libbpf puts in place of calls of weak functions that are not there: 2002000000 and their number.
      /^invalid func unknown#20020\d{5}$/,
    ],
    find: (match, refusal) => unknownKfunc(match, refusal),
  },
  {
    code: "unknown-helper",
    patterns: [/^invalid func (\S+?)#(\d+)/, /^invalid func ()(\d+)/],
    find: (match) => unknownHelper(Number(match[2])),
  },
  {
    code: "gpl-only",
    patterns: [
      /^cannot call GPL-restricted function from non-GPL compatible program/,
      /^cannot call GPL only function from proprietary program/,
      /^cannot call kernel function from non-GPL compatible program/,
      /^struct ops programs must have a GPL compatible license/,
    ],
    find: () => ({
      headline: "this is only for programs under a licence compatible with the GPL",
      need: "the program's licence does not allow this",
      fixes: [
        fix("Declare such a licence, if the program has one.", 'char LICENSE[] SEC("license") = "GPL";'),
      ],
    }),
  },
  {
    code: "kfunc-not-allowed",
    patterns: [
      /^calling kernel function (\S+) is not allowed/,
      /^kernel function (\S+) args#\d+ pointer type .* is not supported/,
      /^css_task_iter is only allowed in/,
      /^metadata kfuncs require device-bound program/,
      /^destructive kfunc calls require/,
      /^loading\/calling other bpf or kernel functions are allowed for/,
    ],
    find: (match, refusal) => kfuncNotAllowed(match, refusal),
  },
  {
    code: "sleepable-only",
    patterns: [
      /^helper call might sleep/,
      /^program must be sleepable to call sleepable kfunc/,
      /^sleepable helper \S+ in (\S+)/,
      /^kernel func \S+ is sleepable within (\S+)/,
      /^global functions that may sleep/,
      /non-sleepable/,
      /^Sleepable programs can only use/,
      /^Syscall programs can only be sleepable/,
    ],
    find: (match, refusal) => sleeping(match, refusal),
  },
];

/** Program types of the hooks that kernel functions are registered for (`bpf_prog_type_to_kfunc_hook`). */
const HOOK_TYPES: { readonly [hook in KfuncHook]: string } = {
  common: "all",
  xdp: "xdp",
  tc: "sched_cls",
  structOps: "struct_ops",
  tracing: "tracing, lsm, tracepoint, raw_tracepoint, perf_event",
  syscall: "syscall",
  cgroup: "cgroup_skb, cgroup_sock, cgroup_device, cgroup_sock_addr, cgroup_sockopt, cgroup_sysctl, sock_ops",
  schedAct: "sched_act",
  skSkb: "sk_skb",
  socketFilter: "socket_filter",
  lwt: "lwt_in, lwt_out, lwt_xmit, lwt_seg6local",
  netfilter: "netfilter",
  kprobe: "kprobe",
};

function kfuncNotAllowed(match: RegExpExecArray, { program }: Refusal): Finding {
  const name = match[1] ?? null;
  const type = program.type === undefined ? undefined : programType(program.type)?.name;
  const hooks = new Set(
    KFUNC_SETS.flatMap((set) => (name !== null && name in set.functions ? [...set.hooks] : [])),
  );
  const types = [...hooks].map((hook) => HOOK_TYPES[hook]).join(", ");
  const headline = `programs of ${type === undefined ? "this type" : `type ${type}`} may not call ${name ?? "this kernel function"}`;
  if (match[0].startsWith("metadata")) {
    return {
      headline:
        "functions that read metadata of a network card are for programs that are loaded for that card",
      need: "the program is loaded for no device",
      fixes: [
        fix(
          "Load it for the device.",
          "bpf_program__set_ifindex(prog, ifindex);\nbpf_program__set_flags(prog, BPF_F_XDP_DEV_BOUND_ONLY);",
        ),
      ],
    };
  }
  return {
    headline,
    need:
      name !== null && types === ""
        ? "the kernel offers this function to no program"
        : "the kernel offers this function to programs of other types",
    fixes:
      types === ""
        ? [
            fix(
              name === null
                ? "Call it from a program of a type that it is registered for."
                : "Call one of the functions that the kernel marks for programs (__bpf_kfunc): others cannot be called, whatever vmlinux.h declares.",
            ),
          ]
        : [fix(`Call it in a program of one of these types: ${types}.`)],
  };
}

/** Types that are named: a longer list says little. */
const NAMED_TYPES = 8;

function notForType(match: RegExpExecArray, { program }: Refusal): Finding {
  const id = Number(match[2]);
  const type = program.type === undefined ? undefined : programType(program.type)?.name;
  const name = match[1] ?? null;
  const types = [...new Set(helperCallers(id).map((caller) => caller.programType))];
  const shown = types.slice(0, NAMED_TYPES).join(", ");
  const options = [...new Set(helperCallers(id).flatMap(({ condition }) => condition?.config ?? []))];
  const optional = options.length > 0 && type !== undefined && types.includes(type);
  return {
    headline: `programs of ${type === undefined ? "this type" : `type ${type}`} may not call ${name ?? "this"}`,
    need: "the kernel does not give this to programs of this type",
    fixes: [
      ...(types.length === 0 || type === undefined || types.includes(type)
        ? []
        : [
            fix(
              `Call it in a program of a type that has it: ${shown}${types.length > NAMED_TYPES ? " …" : ""} (\`tsbpf help helper ${name}\` lists all).`,
            ),
          ]),
      ...(ALTERNATIVES.get(name ?? "") ?? []),
      ...(optional
        ? [
            fix(
              `The kernel must be built with ${options.map((each) => `CONFIG_${each}`).join(" and ")}: many are not (\`zgrep ${options[0]} /proc/config.gz\`, or /boot/config-$(uname -r)).${name === "bpf_override_return" ? " The function that is attached to must allow it besides (/sys/kernel/debug/error_injection/list)." : ""}`,
            ),
          ]
        : []),
      ...(optional || (type !== undefined && !types.includes(type))
        ? []
        : [
            fix(
              `It may depend on what the program is attached to, or the kernel may be older than the helper: \`tsbpf help helper ${name ?? "NAME"}\` says which programs have it, and since when.`,
            ),
          ]),
    ],
  };
}

/** What does the same elsewhere. */
const ALTERNATIVES: ReadonlyMap<string, Finding["fixes"]> = new Map([
  [
    "bpf_probe_read",
    [
      fix(
        "Use the form for the kernel's memory, or that for memory of user space.",
        "bpf_probe_read_kernel(&value, sizeof(value), ptr);",
      ),
    ],
  ],
  [
    "bpf_skb_load_bytes",
    [
      fix(
        "In XDP programs, copy with bpf_xdp_load_bytes, or read through data.",
        "bpf_xdp_load_bytes(ctx, offset, &value, sizeof(value));",
      ),
    ],
  ],
  [
    "bpf_trace_printk",
    [
      fix(
        "Write what is to be told into a ring buffer.",
        "bpf_ringbuf_output(&ring, &event, sizeof(event), 0);",
      ),
    ],
  ],
]);

function unknownKfunc(match: RegExpExecArray, { last, program }: Refusal): Finding {
  const called = /^(?:kfunc '|invalid func)/.test(match[0]);
  const own = last === undefined || !called ? undefined : program.relocations?.get(last.step.index);
  const name = match[1] ?? own ?? null;
  const shown = name ?? "bpf_rcu_read_lock";
  return {
    headline: `${name === null ? "a kernel function" : name} is called, and this kernel has no such function`,
    ...(called
      ? { need: "the loader found no such function, and left a call that no kernel takes" }
      : { whole: true as const }),
    fixes: [
      fix(
        "Declare it __weak, and test that it is there: where it is not, what the test guards is never looked at.",
        `extern void ${shown}(…) __ksym __weak;\nif (bpf_ksym_exists(${shown}))\n\t${shown}(…);`,
      ),
    ],
  };
}

/** The number of the last helper: newer functions are kfuncs. */
const LAST_HELPER = helperCount("6.2");

function unknownHelper(id: number): Finding {
  const name = helperName(id);
  const since = helperSince(id);
  if (name !== undefined && since !== undefined) {
    return {
      headline: `bpf_${name} is there since Linux ${since}, and this kernel is older`,
      need: "this kernel has no helper of this number",
      fixes: [
        fix(
          "Ask before the call: where the kernel does not have it, what the test guards is never looked at.",
          `if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_${name}))\n\tbpf_${name}(…);`,
        ),
      ],
    };
  }
  return {
    headline: `helper number ${id} is called, and there is none: the last has number ${LAST_HELPER}`,
    need: "no kernel has a helper of this number",
    fixes: [
      fix(
        "Take the declarations of helpers from libbpf's bpf_helpers.h. What Linux has since 6.2 are kernel functions, and declared so.",
        "extern struct task_struct *bpf_task_from_pid(s32 pid) __ksym;",
      ),
    ],
  };
}

/** Sections that forbid to sleep, with what opens and what closes them. */
const SECTIONS: readonly (readonly [message: RegExp, opens: RegExp, name: string, closes: string])[] = [
  [/rcu_read_lock/, /rcu_read_lock/, "an RCU section", "bpf_rcu_read_unlock();"],
  [/non-preemptible/, /preempt_disable/, "a section without preemption", "bpf_preempt_enable();"],
  [/IRQ-disabled/, /irq_save/, "a section without interrupts", "bpf_local_irq_restore(&flags);"],
];

/** What reads the same without sleeping. */
const AWAKE: ReadonlyMap<string, string> = new Map([
  ["bpf_copy_from_user", "bpf_probe_read_user"],
  ["bpf_copy_from_user_str", "bpf_probe_read_user_str"],
]);

function sleeping(match: RegExpExecArray, refusal: Refusal): Finding {
  const { last, history } = refusal;
  const name = callName(last?.effect.call ?? "");
  const line = last?.step.source?.text ?? "";
  const inside = SECTIONS.find(([message]) => match[1] !== undefined && message.test(match[1]));
  if (inside !== undefined) {
    const [, opens, what, closes] = inside;
    return {
      headline: `${name} may sleep, and is called in ${what}, where sleeping is not allowed`,
      why: refusal.steps(
        newestCall(history, opens, "the section begins here"),
        "the section is still open here",
      ),
      fixes: [fix("End the section before the call.", `${closes}\n${line === "" ? `${name}(…);` : line}`)],
    };
  }
  if (/^(?:Sleepable programs|Syscall programs)/.test(match[0])) {
    return {
      headline: "the program is loaded as sleepable, and programs of its kind, or with such maps, cannot be",
      whole: true,
      fixes: [fix("Take the `.s` from the section's name.", 'SEC("kprobe/do_unlinkat")')],
    };
  }
  const awake = AWAKE.get(name);
  const section = sleepableSection(refusal.program.section);
  const given = argumentsIn(line, name);
  return {
    headline: `${/^global/.test(match[0]) ? "a global function" : name} may sleep, and this program must not`,
    need: "only programs that are loaded as sleepable may call this",
    fixes: [
      ...(awake === undefined
        ? []
        : [
            fix(
              "Read what is in memory already, without sleeping: what is not there gives an error.",
              `${awake}(${given?.join(", ") ?? "dst, size, user_ptr"});`,
            ),
          ]),
      ...(section === null
        ? []
        : [
            fix(
              "Or load the program as sleepable, by its section's name, where what it is attached to may sleep: system calls do (fentry.s/__x64_sys_unlink), and most LSM hooks.",
              `SEC("${section}")`,
            ),
          ]),
      ...(section !== null && refusal.program.section !== undefined
        ? []
        : [
            fix(
              "Programs of other kinds hand the work on to a callback that may sleep: a work queue (bpf_wq, Linux 6.10).",
              "bpf_wq_init(&value->work, &map, 0);\nbpf_wq_set_callback(&value->work, callback, 0);\nbpf_wq_start(&value->work, 0);",
            ),
          ]),
    ],
  };
}

/** The section's name with `.s`: null where such programs cannot sleep; an example where the section is not known. */
function sleepableSection(section: string | undefined): string | null {
  if (section === undefined) return "fentry.s/do_unlinkat";
  const [prefix = "", ...target] = section.split("/");
  const known = SECTION_DEFINITIONS.some(
    ({ pattern, sleepable, type, attachType }) =>
      sleepable && pattern.replace(/\+$/, "") === `${prefix}.s` && canBeSleepable(type, attachType ?? 0),
  );
  return known ? [`${prefix}.s`, ...target].join("/") : null;
}
