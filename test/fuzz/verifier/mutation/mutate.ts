import { disassemble } from "../../../../src/asm/index.ts";
import { decode } from "../../../../src/isa/index.ts";
import type { VerifierCase } from "../../../verifier/support/verifier-case.ts";
import type { Random } from "../../random.ts";
import { codeChange } from "./code.ts";
import { mapChange } from "./maps.ts";
import { settingChange } from "./settings.ts";

/** A small change of a case. Applied to a case that it does not fit, it changes nothing. */
export interface Change {
  /** `"12: r1 = r6 → r1 = r7"` */
  readonly what: string;
  readonly apply: (test: VerifierCase) => VerifierCase;
}

const MOST_CHANGES = 6;
const SETTING_ONE_IN = 6;
const MAP_ONE_IN = 8;

/** A case with changes, which can be taken back one by one. */
export class Mutated {
  readonly base: VerifierCase;
  readonly changes: readonly Change[];
  readonly test: VerifierCase;

  constructor(base: VerifierCase, changes: readonly Change[]) {
    this.base = base;
    this.changes = changes;
    this.test = changes.reduce((test, change) => change.apply(test), base);
  }

  /** What was changed, and what became of it. */
  get text(): string {
    const { base, changes, test } = this;
    const lines = [`# base: ${base.name}`, ...changes.map(({ what }) => `# ${what}`)];
    const { progType, expectedAttachType, progFlags, license, rights } = test;
    const given = { progType, expectedAttachType, progFlags, license, rights, attach: test.attach?.name };
    lines.push(JSON.stringify(given), base.source.trimEnd(), "--- changed:", disassemble(decode(test.insns)));
    return lines.join("\n");
  }
}

/** A case of the corpus with one to six changes, most of them of its code. */
export function mutate(random: Random, corpus: readonly VerifierCase[]): Mutated {
  const base: VerifierCase = { ...random.pick(corpus), runs: [] };
  const changes: Change[] = [];
  let test = base;
  for (let left = 1 + random.small(MOST_CHANGES - 1); left > 0; left--) {
    const change = random.oneIn(SETTING_ONE_IN)
      ? settingChange(random, test, corpus)
      : test.maps.length > 0 && random.oneIn(MAP_ONE_IN)
        ? mapChange(random, test)
        : codeChange(random, test, corpus);
    if (change === null) continue;
    changes.push(change);
    test = change.apply(test);
  }
  return new Mutated(base, changes);
}
