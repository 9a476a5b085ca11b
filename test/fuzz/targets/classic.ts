import { parseClassic, printClassic } from "../../../src/asm/index.ts";
import { hexOf, messageOf, textOf, utf8 } from "../../../src/base/index.ts";
import {
  CLASSIC_MAX_INSNS,
  checkClassic,
  checkForm,
  classicOp,
  classicProblem,
  decodeClassic,
  encodeClassic,
  runClassic,
  type SockFilter,
  translateClassic,
} from "../../../src/isa/index.ts";
import { mutateBytes } from "../bytes-mutator.ts";
import { fileIn } from "../corpus.ts";
import { attempt, Discrepancy, demand } from "../oracle.ts";
import type { Target } from "../target.ts";
import { TextMutator } from "../text-mutator.ts";

const PACKET = Uint8Array.from({ length: 96 }, (_, index) => (index * 37) & 0xff);

/** Classic programs: checked, translated, run, printed in every style. */
export const classic: Target = {
  name: "classic",
  corpus: () => programs().map((program) => encodeClassic(program)),
  mutate: mutateBytes,
  run(input) {
    const program = decodeClassic(input);
    demand(hexOf(encodeClassic(program)) === hexOf(input), "encoding is not the inverse of decoding");
    readBack(program, input.length);
    const problem = classicProblem(program);
    demand(problem === null || problem.reason !== "", "a problem without a reason");
    checkClassic(program);
    const translated = attempt(input.length, () => translateClassic(program));
    if (translated !== undefined) {
      const wrong = checkForm(translated.insns)[0];
      demand(
        wrong === undefined,
        () => `the translation is no program: slot ${wrong?.slot}: ${wrong?.reason}`,
      );
    }
    for (const packet of [PACKET, PACKET.subarray(0, 20), new Uint8Array(0)]) {
      const result = runClassic(program, packet);
      demand(Number.isInteger(result) && result >= 0 && result < 2 ** 32, () => `the result is ${result}`);
    }
  },
};

/** The text of classic programs, in all languages there are. */
export const classicText: Target = {
  name: "asm-classic",
  corpus() {
    const texts = cases().map(utf8);
    for (const program of programs().slice(0, 40)) {
      for (const style of ["d", "dd", "ddd"] as const) texts.push(utf8(printClassic(program, style)));
    }
    return texts;
  },
  mutate(random, corpus) {
    let mutator = mutators.get(corpus);
    if (mutator === undefined) mutators.set(corpus, (mutator = new TextMutator(corpus)));
    return mutator.mutate(random);
  },
  run(input) {
    readBack(parseClassic(textOf(input)), input.length);
  },
};

const mutators = new WeakMap<readonly Uint8Array[], TextMutator>();

function readBack(program: readonly SockFilter[], size: number): void {
  printClassic(program, "d");
  // Of what Linux would refuse for its length, one text is enough.
  const styles = ["dd", "ddd", "bpf_asm"] as const;
  const chosen = program.length <= CLASSIC_MAX_INSNS ? styles : [styles[program.length % styles.length]!];
  for (const style of chosen) {
    if (program.length === 0) continue;
    const text = attempt(size, () => printClassic(program, style));
    if (text === undefined) continue;
    const again = hexOf(encodeClassic(reread(text)));
    const hex = hexOf(encodeClassic(style === "bpf_asm" ? program.map(meaningful) : program));
    demand(again === hex, () => `printed as ${style}: was ${hex.slice(0, 400)}, is ${again.slice(0, 400)}`);
  }
}

/** The instruction without values in fields that mean nothing: bpf_asm's text does not show these. */
function meaningful({ code, jt, jf, k }: SockFilter): SockFilter {
  const { operand, conditional } = classicOp(code)!;
  const constant = operand !== "x" && operand !== "a" && operand !== "none" && operand !== "len";
  return { code, jt: conditional ? jt : 0, jf: conditional ? jf : 0, k: constant ? k : 0 };
}

function reread(text: string): SockFilter[] {
  try {
    return parseClassic(text);
  } catch (error) {
    throw new Discrepancy(`printed text is refused: ${messageOf(error)}`);
  }
}

/** The texts of the case files, one for each of their parts. */
function cases(): string[] {
  const files = ["every-instruction", "ssh"].flatMap((name) => fileIn(`testdata/classic/${name}.case.txt`));
  return files.flatMap((bytes) =>
    textOf(bytes)
      .split(/^== .*\n/m)
      .filter((text) => text.trim() !== ""),
  );
}

function programs(): SockFilter[][] {
  const found: SockFilter[][] = [];
  for (const text of cases()) {
    // Some parts are listings of eBPF.
    const program = attempt(text.length, () => parseClassic(text));
    if (program === undefined || program.length === 0) continue;
    found.push(program);
    for (let from = 0; from + 8 <= program.length; from += 8) found.push(program.slice(from, from + 8));
  }
  return found;
}
