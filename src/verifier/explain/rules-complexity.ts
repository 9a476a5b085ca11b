import { nameOf } from "./history.ts";
import {
  type Carried,
  type Counter,
  carriedOf,
  isIterator,
  type Loop,
  loopsOf,
  type MovedPointer,
  movedPointerOf,
  type Split,
  splitsOf,
} from "./loops.ts";
import type { PathStep } from "./path-step.ts";
import { type Finding, fix, type Refusal, type Rule, stepOf } from "./rule.ts";
import { pointerIn } from "./source-text.ts";

/** Programs that the verifier gives up on. */
export const COMPLEXITY_RULES: readonly Rule[] = [
  {
    code: "too-complex",
    patterns: [
      /^BPF program is too large\. Proc+essed (\d+) insn/,
      /^The sequence of (\d+) jumps is too complex/,
      /too many iterations/,
    ],
    find: (match, refusal) => tooComplex(match, refusal),
  },
];

/** What the verifier goes through at most: `BPF_COMPLEXITY_LIMIT_INSNS`. */
const LIMIT = 1_000_000;
/** Splits that are named: one more line of source says little. */
const NAMED_SPLITS = 2;

function tooComplex(match: RegExpExecArray, refusal: Refusal): Finding {
  const gaveUp = match[0].startsWith("The sequence")
    ? `It gave up with ${count(match[1])} branches of which it had yet to follow the other side`
    : match[1] === undefined
      ? "It gave up here"
      : `It gave up after ${count(match[1])} instructions on all paths together`;
  const guessed = speculative(gaveUp, refusal);
  if (guessed !== null) return guessed;
  const [loop] = loopsOf(refusal.history);
  if (loop !== undefined) return ofLoop(loop, gaveUp, refusal);
  const splits = splitsOf(refusal.history, 0, Number.POSITIVE_INFINITY);
  return splits.length === 0 ? unknown() : ofBranches(splits, gaveUp, refusal);
}

/** Paths that a CPU only guesses are what there is too much of: the rounds on them say nothing of the program's. */
function speculative(gaveUp: string, { history, log }: Refusal): Finding | null {
  const paths = log.steps.filter(({ speculative: guessed }) => guessed === true).length;
  const begins = history.path.findLast(({ step }) => step.speculative === true);
  // Of a log of all paths those of the program itself may be the most.
  const others = log.steps.filter(({ from }) => from !== null).length - paths;
  if (begins === undefined && paths <= others) return null;
  const { last } = history;
  const branch = begins === undefined ? undefined : history.path[begins.position - 1];
  return {
    headline:
      "the paths that a CPU may only guess, followed for who loads without CAP_PERFMON, are more than the verifier will follow",
    ...(last === undefined ? { whole: true as const } : { at: last.step.index }),
    why: [
      ...(branch === undefined
        ? []
        : [
            stepOf(
              branch,
              "passed",
              "the program does not go this way here; a CPU that guesses may, and is followed (speculative execution)",
            ),
          ]),
      ...(last === undefined ? [] : [stepOf(last, "used", gaveUp)]),
    ],
    fixes: [
      fix(
        "Load with CAP_PERFMON besides CAP_BPF: then only the program's own paths are followed.",
        "setcap cap_bpf,cap_perfmon=ep ./loader",
      ),
      fix(
        "Or unroll the loop: without its branch there is nothing to guess.",
        "#pragma unroll\nfor (int i = 0; i < 10; i++)",
      ),
    ],
  };
}

function ofLoop(loop: Loop, gaveUp: string, refusal: Refusal): Finding {
  const { history } = refusal;
  const { counter, back, rounds } = loop;
  const moved = counter === null ? movedPointerOf(history, loop) : null;
  if (moved !== null) return ofPointer(loop, moved, gaveUp, refusal);
  const splits = splitsOf(history, loop.first, loop.last).filter(({ at }) => at !== counter?.at);
  const carried = splits.length === 0 ? [] : carriedOf(history, loop);
  const paths = splits.length > 0 && carried.length > 0;
  const head = counter?.at ?? back;
  const rows = [
    ...splits
      .slice(0, NAMED_SPLITS)
      .map(({ at, times }) =>
        stepOf(
          at,
          "passed",
          `both sides of this are possible, ${count(times)} times on one path: each time the paths ${paths ? "double" : "part, and meet again where the verifier knows the same on both"}`,
        ),
      ),
    ...carried.slice(0, 1).map((each) => stepOf(each.at, "lost", carriedText(each))),
  ];
  const counts =
    counter === null
      ? carried.length > 0
        ? "each leaves other values behind than the one before, so that the verifier goes on"
        : isIterator(history, loop)
          ? "each ends with another state than the ones before, so that the verifier goes on"
          : "the verifier knows no counter that ends them"
      : `${counterName(refusal, head, counter.register)} is another number in each${reached(counter)}, so that the verifier has to follow every one`;
  const perRound = Math.max(1, Math.round(loop.visits / rounds));
  return {
    headline: paths
      ? "the branches in a loop make more paths than the verifier will follow"
      : "a loop has more rounds than the verifier will follow one by one",
    at: head.step.index,
    operand: counter === null ? "" : `R${counter.register}`,
    why: [
      ...rows,
      stepOf(
        head,
        "used",
        `${count(rounds)} rounds on one path, of about ${count(perRound)} instructions; ${counts}. ${gaveUp}`,
      ),
    ],
    fixes: loopFixes(loop, perRound, carried, isIterator(history, loop)),
  };
}

/** A pointer that is moved on in each round: no round ends as one before, also not one of an iterator. */
function ofPointer(loop: Loop, moved: MovedPointer, gaveUp: string, refusal: Refusal): Finding {
  const { back, rounds } = loop;
  const register = nameOf(moved.place);
  const line = moved.at.step.source?.text ?? "";
  const found =
    /\b([A-Za-z_]\w*)(?:\+\+| \+= )|\+\+([A-Za-z_]\w*)/.exec(line) ?? /\b([A-Za-z_]\w*) = \1 \+/.exec(line);
  const variable = found?.[1] ?? found?.[2] ?? accessedName(loop, moved, refusal);
  const name = variable ?? "p";
  const packet = moved.value.startsWith("pkt");
  const base = packet ? "data" : "base";
  const body = `if (i >= 1500)\n\t\tbreak;\n\t__u8 *${name} = ${base} + i;${packet ? `\n\tif ((void *)(${name} + 1) > data_end)\n\t\tbreak;` : ""}\n\t…`;
  const who = variable === null ? register : `${variable} (${register})`;
  return {
    headline: `a loop moves ${variable ?? "a pointer"} on in each round, so that no round is like one before`,
    at: back.step.index,
    why: [
      stepOf(
        moved.at,
        "lost",
        `${who} goes from round to round, and points elsewhere in each: ${moved.value} in the newest`,
      ),
      stepOf(
        back,
        "used",
        `${count(rounds)} rounds on one path: the verifier follows each, as ${who} is another one. ${gaveUp}`,
      ),
    ],
    fixes: [
      fix(
        `Work the address out from the counter in each round, with a bound, and do not move ${variable ?? "the pointer"}: then a round ends as the one before, and bpf_for (Linux 6.4) comes to an end.`,
        `int i;\nbpf_for(i, 0, n) {\n\t${body}\n}`,
      ),
    ],
  };
}

/** What the pointer of a loop is called where the loop accesses memory through it. */
function accessedName({ first, last }: Loop, { place }: MovedPointer, { history }: Refusal): string | null {
  for (const { step, effect } of history.path) {
    if (step.index < first || step.index > last || !("register" in place)) continue;
    if (effect.memory?.base !== place.register) continue;
    const name = pointerIn(step.source?.text ?? "")?.name;
    if (name !== undefined) return name;
  }
  return null;
}

function carriedText({ place, value, decides }: Carried): string {
  const name = nameOf(place);
  const decided = decides === null ? "" : `, and instruction ${decides.step.index} depends on it`;
  return `${name} goes from round to round, known exactly (${numberText(value)} on this path)${decided}: paths that differ in it are never taken for the same`;
}

function loopFixes(
  loop: Loop,
  perRound: number,
  carried: readonly Carried[],
  iterates: boolean,
): Finding["fixes"] {
  const head = loop.counter?.at ?? loop.back;
  const text = head.step.source?.text ?? "";
  const counted = /for \((?:\w+ )*(\w+) = ([^;]+); \1 < ([^;]+); (?:\1\+\+|\+\+\1|\1 \+= 1)\)/.exec(text);
  const [, name = "i", from = "0", to = "n"] = counted ?? [];
  const iterate = fix(
    "Iterate with bpf_for (Linux 6.4): the verifier then goes through the body until it learns nothing new, whatever the number of rounds. What changes in the body must not have to be known exactly after it.",
    `bpf_for(${name}, ${from}, ${to}) {\n\t…\n}`,
  );
  const callback = fix(
    "Or make the body a callback of bpf_loop (Linux 5.17), with what it changes in a struct.",
    `static int body(__u32 ${name}, struct loop_ctx *loop)\n{\n\t…\n\treturn 0;\n}\n…\nstruct loop_ctx loop = {};\nbpf_loop(${to}, body, &loop, 0);`,
  );
  if (carried.length > 0) {
    return [
      fix(
        "Let the paths meet again: have a global function work out the new value. It is verified on its own, and what it returns is any number, the same on all paths.",
        "__noinline int step(int state, int input)\n{\n\t…\n\treturn state;\n}\n…\nstate = step(state, input);",
      ),
      fix(
        "Or let the value begin as one that the verifier does not know: that of a global variable that is not const. Then the states of one path cover those of others.",
        "int zero;\n…\nstate = zero;",
      ),
    ];
  }
  if (iterates) {
    return [
      fix(
        "What the body changes must not have to be known exactly after it: let a number begin as that of a global variable that is not const, and bound it by a mask where it is used as an index.",
        "int zero;\n…\nvalue = zero;",
      ),
      callback,
    ];
  }
  const most = Math.floor(LIMIT / perRound);
  return [
    iterate,
    callback,
    fix(
      `Or bound the loop: at about ${count(perRound)} instructions a round, no more than some ${count(most)} rounds fit, fewer where branches are in it.`,
    ),
  ];
}

function ofBranches(splits: readonly Split[], gaveUp: string, refusal: Refusal): Finding {
  const total = splits.reduce((sum, { times }) => sum + times, 0);
  const lines = byLine(splits);
  const [most] = lines;
  const why = lines
    .slice(0, NAMED_SPLITS + 1)
    .sort((one, other) => one.at.position - other.at.position)
    .map((each) =>
      stepOf(
        each.at,
        each === most ? "lost" : "passed",
        each.times === 1
          ? "both sides of this are possible"
          : `both sides are possible, at ${count(each.times)} branches of this line on one path`,
      ),
    );
  const { last } = refusal.history;
  return {
    headline: "branches one after the other make more paths than the verifier will follow",
    at: most!.at.step.index,
    why: [
      ...why,
      ...(last === undefined
        ? []
        : [stepOf(last, "used", `this path has ${count(total)} branches that may go both ways. ${gaveUp}`)]),
    ],
    fixes: [
      fix(
        "Let the paths meet again: put what the branches work out into global functions. Each is verified once, on its own, and what it returns is any number, the same on all paths.",
        "__noinline int classify(int input)\n{\n\t…\n}",
      ),
      fix("Or work the value out without branches, or look it up in a map.", "flags |= (c == 'a') << 3;"),
      fix(STATS),
    ],
  };
}

function byLine(splits: readonly Split[]): readonly Split[] {
  const lines = new Map<string, Split>();
  for (const { at, times } of splits) {
    const { source, index } = at.step;
    const key = source === null ? `${index}` : `${source.file}:${source.line}:${source.text}`;
    const old = lines.get(key);
    lines.set(key, { at: old?.at ?? at, times: (old?.times ?? 0) + times });
  }
  return [...lines.values()].sort((one, other) => other.times - one.times);
}

/** The log has no steps: only the number is known. */
function unknown(): Finding {
  return {
    headline: "the program has more paths than the verifier will follow",
    whole: true,
    fixes: [
      fix(
        "Move the body of loops into a callback, or iterate with bpf_for: it is then verified once.",
        "bpf_loop(n, body, &loop, 0);",
      ),
      fix(
        "Make branches join early: put what depends on them into functions that are global (verified on their own), or into numbers instead of paths.",
      ),
      fix(STATS),
    ],
  };
}

const STATS = "`tsbpf verify --stats OBJECT` shows which lines cost most.";

/** How far a counter came. */
function reached({ value, limit }: Counter): string {
  return limit === null
    ? ""
    : ` (${count(`${value}`)} in the newest, and compared with ${count(`${limit}`)})`;
}

/** The program's own name for a counter, where the line of its comparison is that of a loop and has one. */
function counterName(refusal: Refusal, at: PathStep, register: number): string {
  const found = /(?:for \(.*?; ?|while \()(\w+) ?[<>!]=? ?/.exec(at.step.source?.text ?? "")?.[1];
  const name = found ?? refusal.variable(at, "");
  return name === "" ? `R${register}` : `${name} (R${register})`;
}

function count(value: number | string | undefined): string {
  return `${value ?? ""}`.replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

function numberText(value: bigint): string {
  return value > 0xffffn ? `0x${value.toString(16)}` : `${value}`;
}
