import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CASES, caseGroups } from "../../verifier/support/case-folder.ts";
import { type Entry, sectionsOf } from "../../verifier/support/case-sections.ts";
import type { Random } from "../random.ts";
import type { Generated } from "./generate.ts";

/** A case taken apart, with names of its own for everything that another one could name alike. */
interface Part {
  readonly settings: readonly string[];
  /** Declarations of types; those of functions apart. */
  readonly types: readonly string[];
  readonly prototypes: ReadonlyMap<string, string>;
  /** `map …`, `element …`, `frozen …` */
  readonly maps: readonly string[];
  readonly code: readonly string[];
  /** Label of its first instruction. */
  readonly entry: string;
  /** Labels that functions begin at, the entry apart. */
  readonly functions: readonly string[];
}

const SETTINGS: ReadonlySet<string> = new Set([
  "type",
  "attach",
  "attach-type",
  "flags",
  "license",
  "rights",
]);
const OF_MAPS = /^(map|element|frozen) (\w+)$/;
const PROTOTYPE = /^[^{=]*?\b(\w+)\([^)]*\)[^{]*;$/;

/** What cases are made of: the entries of each, those before the first case included. */
export function caseEntries(): (readonly Entry[])[] {
  return caseGroups().flatMap((group) => {
    const file = join(CASES, `${group}.txt`);
    const { preamble, cases } = sectionsOf(readFileSync(file, "utf8"), file);
    return cases.map(({ entries }) => [...preamble.entries, ...entries]);
  });
}

/** Two cases in one program: called one after the other, one inside the other, in a loop, in a section, as a callback. */
export function splice(random: Random, corpus: readonly (readonly Entry[])[]): Generated {
  const a = partOf(random.pick(corpus), "a");
  const b = partOf(random.pick(corpus), "b");
  const form = random.pick(FORMS);
  const parts = form.parts === 1 ? [a] : [a, b];
  const code = form.code(random, a, b);
  const known = new Map(parts.flatMap(({ prototypes }) => [...prototypes]));
  const declared = [...new Set(parts.flatMap(({ types }) => types))];
  const prototypes: string[] = [];
  if (known.size > 0) {
    prototypes.push(known.get("main") ?? "int main(void *ctx);");
    for (const name of parts.flatMap(({ entry, functions }) => [entry, ...functions])) {
      if (code.some((line) => line === `${name}:`))
        prototypes.push(known.get(name) ?? `static int ${name}(int n);`);
    }
  }
  const types = [...declared, ...prototypes].map((line) => `  ${line}`);
  return {
    head: [
      ...a.settings,
      ...(types.length === 0 ? [] : ["types:", ...types]),
      ...parts.flatMap(({ maps }) => maps),
    ],
    code,
  };
}

interface Form {
  readonly parts: 1 | 2;
  readonly code: (random: Random, a: Part, b: Part) => string[];
}

const FORMS: readonly Form[] = [
  {
    parts: 2,
    code: (_, a, b) => [
      ...["  r6 = r1", `  call ${a.entry}`, "  r1 = r6", `  call ${b.entry}`, "  r0 = 0", "  exit"],
      ...body(a),
      ...body(b),
    ],
  },
  {
    parts: 2,
    code(random, a, b) {
      const at = random.below(a.code.length + 1);
      return [...a.code.slice(0, at), `  call ${b.entry}`, ...a.code.slice(at), ...body(b)];
    },
  },
  {
    parts: 1,
    code(random, a) {
      const [enter, leave] = random.pick(SECTIONS);
      const inside = a.code.flatMap((line) => (line.trim() === "exit" ? [...leave, line] : [line]));
      return [...enter, ...inside];
    },
  },
  {
    parts: 1,
    code(random, a) {
      const last = random.oneIn(2)
        ? `  if r7 < ${2 + random.below(4)} goto again`
        : "  may_goto done\n  goto again\ndone:";
      return [
        ...["  r6 = r1", "  r7 = 0", "again:", "  r7 += 1", "  r1 = r6", `  call ${a.entry}`],
        ...last.split("\n"),
        ...["  r0 = 0", "  exit"],
        ...body(a),
      ];
    },
  },
  {
    parts: 1,
    code: (random, a) => [
      ...[
        "  *(u64 *)(r10 - 8) = 0",
        `  r1 = ${1 + random.below(4)}`,
        `  r2 = subprog[${a.entry}]`,
        "  r3 = r10",
      ],
      ...["  r3 += -8", "  r4 = 0", "  call bpf_loop", "  r0 = 0", "  exit"],
      ...body(a),
    ],
  },
  {
    parts: 2,
    code: (_, a, b) => [
      ...a.code.map((line) => (line.trim() === "exit" ? `  goto ${b.entry}` : line)),
      ...body(b),
    ],
  },
];

/** What goes in front, and before each end. */
const SECTIONS: readonly (readonly [readonly string[], readonly string[]])[] = [
  [
    ["  r6 = r1", "  call kfunc bpf_rcu_read_lock", "  r1 = r6"],
    ["  r9 = r0", "  call kfunc bpf_rcu_read_unlock", "  r0 = r9"],
  ],
  [
    ["  r6 = r1", "  call kfunc bpf_preempt_disable", "  r1 = r6"],
    ["  r9 = r0", "  call kfunc bpf_preempt_enable", "  r0 = r9"],
  ],
  [
    ["  r6 = r1", "  r1 = r10", "  r1 += -504", "  call kfunc bpf_local_irq_save", "  r1 = r6"],
    ["  r9 = r0", "  r1 = r10", "  r1 += -504", "  call kfunc bpf_local_irq_restore", "  r0 = r9"],
  ],
];

/** A part as a function of its own. */
function body({ entry, code }: Part): string[] {
  return code[0] === `${entry}:` ? [...code] : [`${entry}:`, ...code];
}

function partOf(entries: readonly Entry[], prefix: string): Part {
  const last = (key: string) => entries.findLast((entry) => entry.key === key)?.value;
  const lines = (last("code") ?? "")
    .split("\n")
    .flatMap((line) =>
      line.trim() === "" ? [] : line.split(";").map((each, i) => (i === 0 ? each : `  ${each.trim()}`)),
    );
  const labels = lines.flatMap((line) => /^(\w+):$/.exec(line)?.[1] ?? []);
  const maps = entries.filter(({ key }) => OF_MAPS.test(key));
  const own = new Set([...labels, ...maps.map(({ key }) => OF_MAPS.exec(key)![2]!)]);
  const renamed = (text: string) =>
    text.replaceAll(/[A-Za-z_]\w*/g, (word) => (own.has(word) ? `${prefix}_${word}` : word));
  const code = lines.map((line) => renamed(line));
  const declarations = entries
    .filter(({ key }) => key === "types")
    .flatMap(({ value }) => value.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const prototypes = new Map<string, string>();
  const types: string[] = [];
  for (const line of declarations) {
    const name = PROTOTYPE.exec(line)?.[1];
    if (name === undefined) types.push(line);
    else if (own.has(name)) prototypes.set(`${prefix}_${name}`, renamed(line));
  }
  const first = /^(\w+):$/.exec(code[0] ?? "")?.[1];
  const called = new Set(
    lines.flatMap((line) => [...line.matchAll(/(?:call |subprog\[)(\w+)/g)].map(([, name]) => name!)),
  );
  return {
    settings: [...SETTINGS].flatMap((key) => {
      const value = last(key);
      return value === undefined ? [] : [`${key}: ${value}`];
    }),
    types,
    prototypes,
    maps: maps.map(
      ({ key, value }) =>
        `${key.replace(OF_MAPS, (_, word, name) => `${word} ${prefix}_${name}`)}: ${renamedInner(value, own, prefix)}`,
    ),
    code,
    entry: first ?? `${prefix}_entry`,
    functions: labels
      .filter((label) => called.has(label) && `${prefix}_${label}` !== first)
      .map((label) => `${prefix}_${label}`),
  };
}

/** Maps of maps name another. */
function renamedInner(value: string, own: ReadonlySet<string>, prefix: string): string {
  return value.replace(/\binner (\w+)/, (whole, name) => (own.has(name) ? `inner ${prefix}_${name}` : whole));
}
