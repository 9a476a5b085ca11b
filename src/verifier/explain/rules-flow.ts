import { fix, type Rule } from "./rule.ts";

/** Control flow, size and the shape of the program. */
export const FLOW_RULES: readonly Rule[] = [
  {
    code: "infinite-loop",
    patterns: [/^infinite loop detected at insn (\d+)/],
    find: () => ({
      headline: "a loop does not end: a round changes nothing that the verifier knows",
      fixes: [
        fix(
          "Count the rounds in a variable that is compared with a constant in each.",
          "for (int i = 0; i < 100; i++)",
        ),
        fix("For many rounds use an iterator or bpf_loop.", "bpf_for(i, 0, n) { … }"),
      ],
    }),
  },
  {
    code: "back-edge",
    patterns: [/^back-edge from insn (\d+) to (\d+)/],
    find: () => ({
      headline: "the program jumps backwards, and the one who loads it may not (loops need CAP_BPF)",
      fixes: [fix("Unroll the loop, or load with CAP_BPF.", "#pragma unroll")],
    }),
  },
  {
    code: "too-complex",
    patterns: [
      /^BPF program is too large\. Processed (\d+) insn/,
      /^The sequence of (\d+) jumps is too complex/,
    ],
    find: () => ({
      headline: "the program has more paths than the verifier will follow",
      fixes: [
        fix(
          "Move the body of loops into a callback or iterate with bpf_for: it is then verified once.",
          "bpf_loop(n, body, &state, 0);",
        ),
        fix(
          "Make branches join early: put what depends on them into functions that are global (verified on their own), or into numbers instead of paths.",
        ),
        fix("`tsbpf verify --stats` shows at which lines states multiply."),
      ],
    }),
  },
  {
    code: "unreachable-code",
    patterns: [/^unreachable insn (\d+)/],
    find: (match) => ({
      headline: `instruction ${match[1]} cannot be reached`,
      fixes: [fix("Remove the code, or the jump around it.")],
    }),
  },
  {
    code: "jump-out-of-range",
    patterns: [
      /^jump out of range from insn (\d+) to (\d+)/,
      /^jump into the middle of ldimm64 insn/,
      /^call to invalid destination/,
    ],
    find: () => ({
      headline: "a jump or call leads out of its function, or into the middle of an instruction",
      fixes: [fix("Let the compiler or assembler compute the distance from a label.")],
    }),
  },
  {
    code: "falls-through",
    patterns: [/^last insn is not an exit or jmp/],
    find: () => ({
      headline: "a function does not end with a return",
      fixes: [fix("End it on every path.", "r0 = 0\nexit")],
    }),
  },
  {
    code: "unknown-instruction",
    patterns: [
      /^unknown opcode ([0-9a-f]+)/,
      /uses reserved fields/,
      /^invalid BPF_\S+ /,
      /^R\d+ is invalid/,
      /^invalid bpf_ld_imm64 insn/,
      /^unrecognized bpf_ld_imm64 insn/,
    ],
    find: () => ({
      headline: "an instruction is malformed, or unknown to this kernel",
      fixes: [fix("Compile for an older instruction set.", "clang -target bpf -mcpu=v2 …")],
    }),
  },
  {
    code: "bad-map-descriptor",
    patterns: [
      /^fd (-?\d+) is not pointing to valid bpf_map/,
      /^invalid access to map value pointer/,
      /^no direct value access support for this map type/,
      /^direct value offset of/,
    ],
    find: () => ({
      headline: "a map that the program names is not there, or cannot be used so",
      fixes: [
        fix(
          "Create the maps before the program is loaded, and relocate the program to them, as a loader does.",
        ),
      ],
    }),
  },
  {
    code: "attach-target",
    patterns: [
      /^attach_btf_id (\d+)/,
      /^Tracing programs must provide btf_id/,
      /^The address of function (\S+) cannot be found/,
      /^(\S+) is not sleepable/,
      /^(\S+)\(\) is not modifiable/,
    ],
    find: () => ({
      headline: "the function or hook that the program is for does not exist, or does not take such programs",
      fixes: [
        fix(
          "Look for it in the kernel's types.",
          "bpftool btf dump file /sys/kernel/btf/vmlinux | grep \"FUNC 'name'\"",
        ),
      ],
    }),
  },
  {
    code: "function-records",
    patterns: [/^missing btf func_info/, /func_info/, /^missing bpf_line_info/, /line_info/],
    find: () => ({
      headline: "the records that describe the program's functions or lines do not fit its code",
      fixes: [fix("Compile with -g, and load with a loader that keeps the records in step with the code.")],
    }),
  },
];
