import { fix, type Rule } from "./rule.ts";

/** The program's stack. */
export const STACK_RULES: readonly Rule[] = [
  {
    code: "uninitialised-stack",
    patterns: [
      /^invalid (?:indirect )?(?:variable-offset )?(?:indirect )?read from stack (?:R\d+ )?(?:off|var_off)/,
      /^invalid (?:indirect )?read from stack/,
    ],
    find: (match, refusal) => {
      const place = /off (-?\d+)\+(-?\d+) size (\d+)/.exec(match.input) ?? /off=?(-?\d+)/.exec(match.input);
      const register = Number(/\bR(\d+)/.exec(match.input)?.[1] ?? 10);
      return {
        headline: "stack is read that the program has not written",
        operand: `R${register}`,
        why:
          register === 10
            ? []
            : refusal.chain(
                register,
                `bytes behind ${place === null ? "this address" : `fp${place[1]}`} were never written on this path`,
              ),
        fixes: [
          fix(
            "Initialise the whole variable, padding between and behind its members included.",
            "struct key key = {};",
          ),
          fix(
            "Where a union or a branch leaves part of it unset, clear it first.",
            "__builtin_memset(&key, 0, sizeof(key));",
          ),
        ],
      };
    },
  },
  {
    code: "stack-out-of-bounds",
    patterns: [
      /^invalid write to stack R(\d+) off=(-?\d+) size=(\d+)/,
      /^invalid (?:zero-size )?(?:variable-offset )?(?:indirect )?(?:write to|access to) stack R(\d+)/,
      /^invalid stack type R(\d+)/,
    ],
    find: (match, refusal) => ({
      headline: "the access lies outside of the program's stack",
      operand: `R${match[1]}`,
      why: match[1] === "10" ? [] : refusal.chain(Number(match[1]), "a stack has 512 bytes, below r10"),
      fixes: [
        fix(
          "Make large variables values of a per-CPU array map of one element.",
          'struct {\n\t__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);\n\t__uint(max_entries, 1);\n\t__type(key, __u32);\n\t__type(value, struct scratch);\n} scratch SEC(".maps");',
        ),
      ],
    }),
  },
  {
    code: "stack-too-large",
    patterns: [/^combined stack size of (\d+) calls is (\d+)\. Too large/],
    find: (match) => ({
      headline: `functions that call each other need ${match[2]} bytes of stack together; 512 are allowed`,
      fixes: [
        fix("Move large variables into a per-CPU array map, or make the innermost functions inline."),
        fix(
          "A program of type kprobe, tracepoint, perf_event or fentry whose functions need 64 bytes or more gets private stacks, if it makes no tail calls.",
        ),
      ],
    }),
  },
  {
    code: "call-chain-too-deep",
    patterns: [/^the call stack of (\d+) frames is too deep/],
    find: () => ({
      headline: "functions call each other more than 8 deep",
      fixes: [fix("Make some of the functions inline.", "static __always_inline int step(struct ctx *ctx)")],
    }),
  },
  {
    code: "corrupted-spill",
    patterns: [
      /^attempt to corrupt spilled pointer on stack/,
      /^corrupted spill memory/,
      /^invalid size of register (?:spill|fill)/,
    ],
    find: () => ({
      headline: "a pointer that lies on the stack is overwritten, or read, in part",
      fixes: [
        fix(
          "Access pointers on the stack whole: 8 bytes at once. Do not share their place with other variables (a union).",
        ),
      ],
    }),
  },
];
