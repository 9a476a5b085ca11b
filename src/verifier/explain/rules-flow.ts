import { fix, plainRule, type Refusal, type Rule, wholeRule } from "./rule.ts";

/** Control flow, size and the shape of the program. */
export const FLOW_RULES: readonly Rule[] = [
  {
    code: "infinite-loop",
    patterns: [/^infinite loop detected at insn (\d+)/, /^back-edge from insn (\d+) to \d+/],
    find: (match, refusal) => ({
      headline: match[0].startsWith("back-edge")
        ? "the program jumps backwards: kernels before 5.3, and those who load without CAP_BPF, have no loops"
        : "a loop does not end: a round changes nothing that the verifier knows",
      ...named(refusal, match[1], "this jumps back, and nothing has changed since the round before"),
      fixes: [
        fix(
          "Count the rounds in a variable that is compared with a constant in each.",
          "for (int i = 0; i < 100; i++)",
        ),
        fix("For many rounds use an iterator or bpf_loop.", "bpf_for(i, 0, n) { … }"),
        fix("Where there are no loops, let the compiler unroll it.", "#pragma unroll"),
      ],
    }),
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
  plainRule(
    "unknown-instruction",
    [
      /^unknown opcode ([0-9a-f]+)/,
      /^invalid BPF_\S+ opcode/,
      /^unknown insn class/,
      /^invalid BPF_LD mode/,
      /^BPF_ATOMIC uses invalid atomic opcode/,
      /^invalid atomic operand size/,
    ],
    "an instruction is unknown to this kernel",
    "this kernel has no such instruction",
    fix("Compile for an older instruction set.", "clang -O2 -g -target bpf -mcpu=v2 -c prog.bpf.c"),
  ),
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
  wholeRule(
    "attach-target",
    [
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
    "the function or hook that the program is for does not exist, or does not take such programs",
    fix(
      "Look for it in the kernel's types.",
      "bpftool btf dump file /sys/kernel/btf/vmlinux | grep \"FUNC 'vfs_read'\"",
    ),
  ),
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

function named(refusal: Refusal, index: string | undefined, need: string) {
  if (index === undefined) return { need };
  const step = refusal.stepAt(Number(index), "used", need);
  return { at: step.instruction, why: [step] };
}
