import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TsbpfError, textOf, utf8 } from "../../../src/base/index.ts";
import { EmbeddedKernel } from "../../../src/kernel/index.ts";
import { BpfMapType, Errno } from "../../../src/uapi/index.ts";
import { readCaseFile } from "../../verifier/support/case-file.ts";
import { CaseError } from "../../verifier/support/case-words.ts";
import { KernelTypes } from "../../verifier/support/kernel-types.ts";
import { CaseOnKernel } from "../../verifier/support/kernel-verifier.ts";
import { LogLevel } from "../../verifier/support/verifier-answer.ts";
import type { CaseMap, CaseRun, VerifierCase } from "../../verifier/support/verifier-case.ts";
import { ROOT } from "../corpus.ts";
import { demand } from "../oracle.ts";
import { packParts, unpackParts } from "../parts.ts";
import type { Target } from "../target.ts";
import { mutatedCase } from "../verifier/case-mutator.ts";
import { caseTextOf } from "../verifier/differential.ts";
import { generate } from "../verifier/generate.ts";

const CASES = join(ROOT, "testdata", "verifier", "cases");
/** Bytes of each packet, and of what maps hold before the first run. */
const DATA = 96;
const RUNS = 4;
/** Contexts begin alike: the fields of `__sk_buff` and `xdp_md` that may not be set must be zeros. */
const CONTEXT = 64;
const LONGEST_CASE = 8192;
const INPUTS_PER_KERNEL = 200;
const OPTIONS = { cpus: 2, seed: 1, clock: () => 1, budget: 2_000_000 } as const;
const PLAIN: ReadonlySet<number> = new Set([BpfMapType.HASH, BpfMapType.ARRAY]);
/** Not the verifier's promise: how long a run is, and runs that something stops. */
const ALLOWED: ReadonlySet<string> = new Set(["budget", "interrupted"]);

/**
 * Programs that the verifier accepts, run on random input with every access checked: none may be refused one. An input
 * is a case file of one case, and the bytes for its packets and maps.
 */
export const soundness: Target = soundnessTarget();

function soundnessTarget(): Target {
  let kernel = new EmbeddedKernel(OPTIONS);
  let types: KernelTypes | undefined;
  let uses = 0;
  return {
    name: "soundness",
    // Some programs have tens of thousands of states.
    milliseconds: 20_000,
    corpus: () => caseTexts().map((text) => packParts([utf8(text), ramp()])),
    mutate(random, corpus) {
      const data = Uint8Array.from({ length: DATA * RUNS }, () => (random.oneIn(4) ? 0 : random.u32()));
      const text = random.oneIn(4)
        ? mutatedCase(random, textOf(unpackParts(random.pick(corpus), 1)[0]!))
        : caseTextOf(generate(random), "program");
      return packParts([utf8(text), data]);
    },
    run(input) {
      const [text, data] = unpackParts(input, 2) as [Uint8Array, Uint8Array];
      types ??= new KernelTypes(kernel.port.readFile("/sys/kernel/btf/vmlinux") as Uint8Array);
      if (++uses % INPUTS_PER_KERNEL === 0) kernel = new EmbeddedKernel(OPTIONS);
      for (const test of casesOf(textOf(text))) runCase(kernel, types, withInput(test, data));
    },
  };
}

function casesOf(text: string): readonly VerifierCase[] {
  try {
    return readCaseFile(text, "fuzz", "fuzz");
  } catch (error) {
    // The shrinker tries texts that are no cases.
    if (error instanceof CaseError) throw new TsbpfError(error.message, { cause: error });
    throw error;
  }
}

function runCase(kernel: EmbeddedKernel, types: KernelTypes, test: VerifierCase): void {
  const before = kernel.lastFault;
  let outcomes: ReturnType<CaseOnKernel["runs"]>;
  try {
    using loaded = new CaseOnKernel(kernel, types, test);
    // Without a log, what is refused is loaded a second time to get one.
    const { fd, log } = loaded.load(LogLevel.stats);
    if (fd === null) throw new TsbpfError(`refused${log}`);
    outcomes = loaded.runs(fd);
  } catch (error) {
    if (error instanceof TsbpfError) throw error;
    // A case may name what this kernel does not have.
    throw new TsbpfError((error as Error).message, { cause: error });
  }
  const fault = kernel.lastFault;
  if (fault === null || fault === before || !outcomes.some(({ errno }) => errno === Errno.EFAULT)) return;
  demand(ALLOWED.has(fault.kind), () => `accepted, and then: ${fault.kind}: ${fault.message}`);
}

/** The case with maps that hold something, and runs on the bytes. */
function withInput(test: VerifierCase, data: Uint8Array): VerifierCase {
  const runs = Array.from({ length: RUNS }, (_, run): CaseRun => {
    const bytes = data.slice(run * DATA, (run + 1) * DATA);
    return { data: bytes.length < 14 ? new Uint8Array(64) : bytes, ctx: null };
  });
  const contexts = runs.map(({ data }) => ({ data: null, ctx: data!.slice(0, CONTEXT) }));
  return {
    ...test,
    maps: test.maps.map((map) => filled(map, data)),
    runs: [...test.runs, ...runs, ...contexts],
  };
}

/** A map without special fields gets an element more: its first key is zeros. */
function filled(map: CaseMap, data: Uint8Array): CaseMap {
  const { keySize, valueSize } = map;
  const plain = keySize > 0 && valueSize > 0 && map.types === null && map.inner === null;
  if (!plain || map.elements.length > 0 || map.programs.length > 0 || !PLAIN.has(map.type)) return map;
  const value = Uint8Array.from({ length: valueSize }, (_, i) => data[i % Math.max(1, data.length)] ?? 0);
  return { ...map, elements: [{ key: new Uint8Array(keySize), value }] };
}

function ramp(): Uint8Array {
  return Uint8Array.from({ length: DATA * RUNS }, (_, index) => index * 7);
}

/** Each case of testdata as a file of its own. */
function caseTexts(): string[] {
  const texts: string[] = [];
  for (const file of readdirSync(CASES)) {
    if (!file.endsWith(".txt")) continue;
    const [preamble, ...cases] = readFileSync(join(CASES, file), "utf8").split(/^(?==== )/m);
    for (const text of cases) if (text.length < LONGEST_CASE) texts.push(`${preamble}${text}`);
  }
  return texts;
}
