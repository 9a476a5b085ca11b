import type { ExplanationStep } from "./explanation.ts";
import type { PathStep } from "./path-step.ts";
import { type Finding, fix, plainRule, type Refusal, type Rule, stepOf, wholeRule } from "./rule.ts";
import { notSleepable } from "./sleepable-target.ts";
import { valueText } from "./value-text.ts";

/** `BPF_JMP | BPF_CALL | BPF_X`, in hexadecimal as logs write it. */
const CALLX = "8d";

/** Control flow, size and the shape of the program. */
export const FLOW_RULES: readonly Rule[] = [
  {
    code: "infinite-loop",
    patterns: [/^infinite loop detected at insn (\d+)/, /^back-edge from insn (\d+) to \d+/],
    find: (match, refusal) => endless(match, refusal),
  },
  {
    code: "unreachable-code",
    patterns: [/^unreachable insn (\d+)/],
    find: (match, refusal) => ({
      headline: `instruction ${match[1]} cannot be reached`,
      ...named(refusal, match[1], "nothing leads here"),
      fixes: [fix("Remove the code, or the jump around it.")],
    }),
  },
  {
    code: "jump-out-of-range",
    patterns: [
      /^jump out of range from insn (\d+) to (-?\d+)/,
      /^jump into the middle of ldimm64 insn (\d+)/,
      /^call to invalid destination/,
    ],
    find: (match, refusal) => ({
      headline: "a jump or call leads out of its function, or into the middle of an instruction",
      ...named(refusal, match[1], "this leads nowhere"),
      fixes: [fix("Let the compiler or assembler compute the distance from a label.")],
    }),
  },
  wholeRule(
    "falls-through",
    [/^last insn is not an (?:exit or jmp|'ret')/],
    "a function does not end with a return",
    fix("End it on every path.", "r0 = 0\nexit"),
  ),
  {
    code: "unknown-instruction",
    patterns: [
      /^unknown opcode ([0-9a-f]+)/,
      /^invalid BPF_\S+ opcode/,
      /^unknown insn class/,
      /^invalid BPF_LD mode/,
      /^BPF_ATOMIC uses invalid atomic opcode/,
      /^invalid atomic operand size/,
    ],
    find: ([, opcode]) =>
      opcode === CALLX
        ? {
            headline: "a function is called through a pointer",
            need: "this kernel has no such instruction (callx)",
            fixes: [
              fix(
                "Compile with optimization: without, clang calls even helpers through pointers.",
                "clang -O2 -g -target bpf -c prog.bpf.c",
              ),
              fix("Call functions by their names, not through pointers in variables or arguments."),
            ],
          }
        : {
            headline: "an instruction is unknown to this kernel",
            need: "this kernel has no such instruction",
            fixes: [
              fix("Compile for an older instruction set.", "clang -O2 -g -target bpf -mcpu=v2 -c prog.bpf.c"),
            ],
          },
  },
  plainRule(
    "malformed-instruction",
    [
      /uses reserved fields/,
      /^R\d+ is invalid/,
      /^invalid BPF_LD_IMM insn/,
      /^(?:invalid|unrecognized) bpf_ld_imm64 insn/,
      /^at the time of BPF_LD_ABS\|IND R6 != pointer to skb/,
    ],
    "an instruction is malformed",
    "its fields do not fit together",
    fix(
      "Let a compiler or assembler write it. Loads from packets by BPF_ABS need the context in r6; constants of 64 bits take two slots.",
    ),
  ),
  wholeRule(
    "bad-map-descriptor",
    [
      /^fd (-?\d+) is not pointing to valid bpf_map/,
      /^fd_idx without fd_array/,
      /^The total number of (?:maps|btfs) per program/,
      /^fd_array_cnt/,
    ],
    "a map that the program names is not there",
    fix("Create the maps before the program is loaded, and relocate the program to them, as a loader does."),
  ),
  wholeRule(
    "bad-map-value",
    [
      /^invalid access to map value pointer/,
      /^direct value offset of/,
      /^no direct value access support for this map type/,
    ],
    "an instruction loads the address of a place in a map that has no such place",
    fix("Stay within the value; only array maps of one element have one that can be addressed so."),
  ),
  wholeRule(
    "map-not-usable",
    [
      /^bpf_struct_ops map cannot be used in prog/,
      /^only one cgroup storage of each type is allowed/,
      /^offload device mismatch/,
      /^program's hash doesn't match map/,
    ],
    "a map cannot be used by this program",
    fix("Use one map of the type, of the same device, that is made for such programs."),
  ),
  wholeRule(
    "unknown-variable",
    [/^ldimm64 /, /^pseudo btf_id \d+ in ldimm64/, /^kernel is missing BTF/],
    "a variable or function of the kernel is named that there is not",
    fix(
      "Declare it __weak, and test that it is there.",
      "extern const int bpf_prog_active __ksym __weak;\nif (!&bpf_prog_active)\n\treturn 0;",
    ),
  ),
  {
    code: "attach-target",
    patterns: [
      /^attach_btf_id (\d+)/,
      /^Tracing programs must provide btf_id/,
      /^The address of function (\S+) cannot be found/,
      /^(\S+) is not sleepable/,
      /^(\S+)\(\) is not modifiable/,
      /^attach to (?:invalid|unsupported) member/,
      /^Attaching .* is rejected/,
      /^Only fentry\/fexit\/fmod_ret/,
      /^func '\S+' (?:offset|doesn't have|arg\d+|size)/,
      /^invalid btf_id for context argument/,
      /^Subprog \S+ doesn't exist/,
      /^The function \S+ (?:has|return type|with variable|arg)/,
      /^Extension program/,
      /^(?:FENTRY\/FEXIT program|Only FENTRY\/FEXIT progs|Can attach to only JITed)/,
      /^can't modify return codes/,
      /^Cannot (?:replace|recursively|nest|extend)/,
      /^Type '\S+' is not a struct/,
      /^ret type \S+ not allowed for fmod_ret/,
    ],
    find: (match, refusal) =>
      notSleepable(match, refusal) ?? {
        headline:
          "the function or hook that the program is for does not exist, or does not take such programs",
        whole: true,
        fixes: [
          fix(
            "Look for it in the kernel's types.",
            "bpftool btf dump file /sys/kernel/btf/vmlinux | grep \"FUNC 'vfs_read'\"",
          ),
        ],
      },
  },
  wholeRule(
    "function-records",
    [
      /func_info/,
      /line_info/,
      /^BTF of func#/,
      /^Invalid type of function/,
      /^same or smaller insn offset/,
      /^number of funcs/,
      /^nonzero (?:tailing|insn_off)/,
      /^tail_call is (?:not|only) allowed in/,
      /^LD_ABS is (?:not|only) allowed in/,
      /core_relo/,
    ],
    "the records that describe the program's functions or lines do not fit its code",
    fix(
      "Compile with -g, and load with a loader that keeps the records in step with the code.",
      "clang -O2 -g -target bpf -c prog.bpf.c",
    ),
  ),
  plainRule(
    "verifier-bug",
    [/^verifier (?:bug|internal error)/],
    "the verifier itself is at a loss: it accepted something that it cannot translate, or broke its own rules",
    "here it gave up",
    fix(
      "Write the access another way (read the whole field, at its start), and report the program to bpf@vger.kernel.org.",
    ),
  ),
  plainRule(
    "tail-call-map",
    [
      /^expected prog array map for tail call/,
      /^tail_call abusing map_ptr/,
      /^cannot tail call within exception cb/,
      /^mixing of tail_calls and bpf-to-bpf calls/,
    ],
    "a tail call gets no program array that is known, or stands where there can be none",
    "the second argument must be one program array, on every path",
    fix("Name the map in the call.", "bpf_tail_call(ctx, &programs, index);"),
  ),
];

function endless(match: RegExpExecArray, refusal: Refusal): Finding {
  const count = fix(
    "Count the rounds in a variable that is compared with a constant in each.",
    "for (int i = 0; i < 100; i++)",
  );
  if (match[0].startsWith("back-edge")) {
    return {
      headline:
        "the program jumps backwards: kernels before 5.3, and those who load without CAP_BPF, have no loops",
      ...named(refusal, match[1], "this jumps back"),
      fixes: [
        fix("Let the compiler unroll the loop.", "#pragma unroll\nfor (int i = 0; i < 16; i++)"),
        count,
      ],
    };
  }
  const index = Number(match[1]);
  const round = roundOf(refusal, index);
  const why: ExplanationStep[] = round
    .filter(({ step, effect }) => effect.operation === "branch" && step.index !== index)
    .slice(0, NAMED_EXITS)
    .map((at) => stepOf(at, "passed", sameText(refusal, at, "this decides whether the loop goes on")));
  const last = round.findLast(({ step }) => step.index === index) ?? refusal.last;
  const need = "the loop comes here once more, and all that the verifier knows is as it was the round before";
  const used =
    last !== undefined && last.step.index === index && last.effect.operation === "branch"
      ? stepOf(last, "used", sameText(refusal, last, "this jumps back"))
      : refusal.stepAt(index, "used", need);
  return {
    headline: "a loop may never end: after a round, all that the verifier knows is as it was before it",
    at: index,
    why: [...why, used],
    fixes: [
      count,
      fix(
        "For many rounds use an iterator (Linux 6.4) or bpf_loop (Linux 5.17).",
        "bpf_for(i, 0, n) {\n\t…\n}",
      ),
      fix(
        "Where only something outside of the program ends the loop, give up after some rounds (may_goto, Linux 6.9).",
        "while (*flag && can_loop)",
      ),
    ],
  };
}

const NAMED_EXITS = 3;

/** What a branch compares, and that no round changes it. */
function sameText({ history }: Refusal, { effect, position }: PathStep, what: string): string {
  const [register] = effect.reads;
  const value = register === undefined ? null : history.known(register, position);
  if (register === undefined || value === null) return `${what}, and no round changes what it compares`;
  return `${what}, and R${register} is the same to the verifier in each round: ${valueText(value)}`;
}

/** The newest round: from one visit of an instruction to the next. */
function roundOf({ history }: Refusal, index: number): readonly PathStep[] {
  const visits = history.path.filter(({ step }) => step.index === index).map(({ position }) => position);
  const [from, to = history.path.length - 1] = visits.slice(-2);
  return from === undefined ? [] : history.path.slice(from, to + 1);
}

function named(refusal: Refusal, index: string | undefined, need: string) {
  if (index === undefined) return { need };
  const step = refusal.stepAt(Number(index), "used", need);
  return { at: step.instruction, why: [step] };
}
