import {
  type AsmDialect,
  assemble,
  disassemble,
  verifierLogText,
  xlatedText,
} from "../../../src/asm/index.ts";
import { bytesOfHex, hexOf, messageOf, textOf, utf8 } from "../../../src/base/index.ts";
import { openElf, SectionFlag } from "../../../src/elf/index.ts";
import { decode, encode, type Insn } from "../../../src/isa/index.ts";
import { fileIn, objectFiles } from "../corpus.ts";
import { Discrepancy, demand } from "../oracle.ts";
import type { Target } from "../target.ts";
import { TextMutator } from "../text-mutator.ts";

/** Slots of a program to start from: short ones are tried faster, and mutations make longer ones. */
const LONGEST = 64;
const DIALECTS = ["pseudoc", "ubpf"] as const;

/** Assembly text: what is accepted has a printed form that means the same. */
function assembly(dialect: AsmDialect): Target {
  const mutators = new WeakMap<readonly Uint8Array[], TextMutator>();
  return {
    name: `asm-${dialect}`,
    corpus: () => [
      ...caseLines(dialect),
      ...programs().map((insns) => printed(insns, dialect)),
      ...(dialect === "pseudoc" ? listings() : []),
    ],
    mutate(random, corpus) {
      let mutator = mutators.get(corpus);
      if (mutator === undefined) mutators.set(corpus, (mutator = new TextMutator(corpus)));
      return mutator.mutate(random);
    },
    run(input) {
      const { insns, spans, source } = assemble(textOf(input), { dialect });
      demand(spans.length === insns.length, "a slot without its text");
      for (const { start, end } of spans) demand(start <= end && end <= source.text.length, "a span outside");
      const bytes = hexOf(encode(insns));
      for (const other of DIALECTS) {
        for (const labels of [false, true]) {
          const text = disassemble(insns, { dialect: other, labels });
          const again = reassembled(text, other);
          demand(
            again === bytes,
            () => `printed in ${other}, labels ${labels}: ${firstChange(bytes, again)}`,
          );
        }
      }
    },
  };
}

/** The bytes, in hex, of text that was printed and so must be accepted. */
export function reassembled(text: string, dialect: AsmDialect): string {
  try {
    return hexOf(encode(assemble(text, { dialect }).insns));
  } catch (error) {
    throw new Discrepancy(`printed text in ${dialect} is refused: ${messageOf(error)}`);
  }
}

/** The first slots that differ, in hex. */
export function firstChange(before: string, after: string): string {
  for (let at = 0; at < Math.max(before.length, after.length); at += 16) {
    const [one, other] = [before.slice(at, at + 16), after.slice(at, at + 16)];
    if (one !== other) return `slot ${at / 16} was ${one || "absent"} and is ${other || "absent"}`;
  }
  return "nothing differs";
}

export const pseudocText = assembly("pseudoc");
export const ubpfText = assembly("ubpf");

function printed(insns: readonly Insn[], dialect: AsmDialect): Uint8Array {
  return utf8(disassemble(insns, { dialect, labels: insns.length % 2 === 0 }));
}

/** Listings of tools, which the assembler reads too. */
function listings(): Uint8Array[] {
  return programs()
    .slice(0, 60)
    .map((insns, index) => utf8(index % 2 === 0 ? xlatedText(insns) : verifierLogText(insns)));
}

/** The text of each line of the case file, all in one program. */
function caseLines(dialect: AsmDialect): Uint8Array[] {
  return fileIn(`testdata/asm/${dialect}.txt`).map((bytes) => {
    const lines = textOf(bytes).split("\n");
    const cases = lines.map((line) => /^[0-9a-f]{16,32}\s+(.*)$/.exec(line)?.[1] ?? "");
    return utf8(cases.filter((line) => line !== "").join("\n"));
  });
}

/** Programs of objects and, where present, of the recorded cases. */
export function programs(): Insn[][] {
  const found: Insn[][] = [];
  for (const bytes of objectFiles()) {
    const file = openElf(bytes);
    for (const section of file.sections) {
      if ((section.flags & SectionFlag.EXECINSTR) === 0 || section.size === 0) continue;
      const insns = decode(file.data(section), { endian: file.endian });
      found.push(insns.slice(0, LONGEST));
    }
  }
  for (const path of ["bpf_conformance.json.gz", "verifier-cases.json.gz"]) {
    for (const bytes of fileIn(`../shared/groundtruth/${path}`)) {
      for (const { insns } of JSON.parse(textOf(bytes)) as { insns: string }[]) {
        const data = bytesOfHex(insns)!;
        if (data.length > 0 && data.length <= 8 * LONGEST) found.push(decode(data));
      }
    }
  }
  return found;
}
