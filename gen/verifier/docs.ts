import { messageOf } from "../../src/base/index.ts";
import { type Explanation, explainLog, explanationText } from "../../src/verifier/index.ts";
import { type CatalogueEntry, catalogue } from "../../test/verifier/support/catalogue.ts";
import { KernelVerifier } from "../../test/verifier/support/kernel-verifier.ts";
import { maskLog } from "../../test/verifier/support/mask.ts";
import { LogLevel } from "../../test/verifier/support/verifier-answer.ts";
import type { Generated, Generator } from "../generator.ts";

const FOLDER = "docs/verifier";
/** Of logs that are longer the end is shown. */
const LONGEST_LOG = 50;
const WIDTH = 90;

const THEMES: Readonly<Record<string, string>> = {
  pointers: "Pointers",
  memory: "Accesses of memory",
  stack: "The stack and registers",
  calls: "Calls",
  resources: "References, locks and sections",
  objects: "Dynptrs, iterators and objects",
  flow: "Control flow and the program as a whole",
};

/** The pages of the catalogue: what Linux says to each program, what it means, and the program that it accepts. */
export const verifierDocs: Generator = {
  name: "verifier-docs",
  purpose: "the catalogue of what the verifier refuses (docs/verifier), from testdata/verifier/explain",
  repeatable: true,
  generate,
};

async function generate(): Promise<Generated> {
  let verifier: KernelVerifier;
  try {
    verifier = KernelVerifier.embedded();
  } catch (error) {
    return { skipped: messageOf(error) };
  }
  const files = new Map<string, string>();
  const pages: { readonly entry: CatalogueEntry; readonly explanation: Explanation }[] = [];
  for (const entry of catalogue()) {
    const explanation = explanationOf(verifier, entry);
    pages.push({ entry, explanation });
    files.set(`${FOLDER}/${entry.code}.md`, page(verifier, entry, explanation));
  }
  files.set(`${FOLDER}/index.md`, index(pages));
  return { files };
}

/** Programs that go on for long are asked about without a log of each step. */
function isLong({ code }: CatalogueEntry): boolean {
  return code === "too-complex";
}

function logOf(verifier: KernelVerifier, entry: CatalogueEntry, level: number): string {
  const logLevel = isLong(entry) ? LogLevel.stats : level;
  const { log } = verifier.verify(entry.rejected, { logLevel });
  return maskLog(log, entry.rejected, verifier.types).replaceAll(
    /^(?:verification time|stack depth) .*\n/gm,
    "",
  );
}

function explanationOf(verifier: KernelVerifier, entry: CatalogueEntry): Explanation {
  const explanation = explainLog(logOf(verifier, entry, LogLevel.two), { refused: true });
  if (explanation?.code !== entry.code) {
    throw new Error(`${entry.code}: the program is explained as ${explanation?.code ?? "nothing"}`);
  }
  return explanation;
}

function page(verifier: KernelVerifier, entry: CatalogueEntry, explanation: Explanation): string {
  const { code, about, keys, rejectedCode, mendedCode, mendedKeys } = entry;
  const lines = logOf(verifier, entry, LogLevel.one).trimEnd().split("\n");
  const shown = lines.length > LONGEST_LOG ? ["…", ...lines.slice(-LONGEST_LOG)] : lines;
  return `${[
    `# ${code}`,
    `*${sentence(explanation.headline)}*`,
    about,
    "## A program that is refused",
    block([...keys.filter((key) => isUsed(key, rejectedCode + mendedCode)), "", rejectedCode]),
    "## What Linux says",
    block(shown),
    "## What it means",
    block([explanationText(explanation, { ...PLAIN, width: WIDTH }).trimEnd()]),
    "## Mended",
    ...(mendedKeys.length === 0 ? [] : [`With \`${mendedKeys.join("`, `")}\`:`]),
    block([mendedCode]),
    "[All codes](index.md)",
  ].join("\n\n")}\n`;
}

/** The maps of a file are there for all of its programs. */
function isUsed(key: string, code: string): boolean {
  const map = /^map (\S+):/.exec(key)?.[1];
  return map === undefined || new RegExp(`%${map}\\b`).test(code);
}

const PLAIN = {
  bold: (text: string) => text,
  dim: (text: string) => text,
  bad: (text: string) => text,
  good: (text: string) => text,
};

function index(
  pages: readonly { readonly entry: CatalogueEntry; readonly explanation: Explanation }[],
): string {
  const parts = [
    "# What the verifier refuses",
    "One page for each code of `tsbpf verify`: a program that Linux refuses, its log, what it means, and the program mended. `npm run gen -- verifier-docs` makes them from testdata/verifier/explain; Linux 6.18 accepts every mended program (`npm run test:oracle -- test/verifier/explain`). See also the [JSON](json.md) that `-j` writes.",
  ];
  for (const [theme, title] of Object.entries(THEMES)) {
    const rows = pages
      .filter(({ entry }) => entry.theme === theme)
      .map(
        ({ entry: { code }, explanation }) => `| [${code}](${code}.md) | ${sentence(explanation.headline)} |`,
      );
    parts.push(`## ${title}`, ["| code | |", "|---|---|", ...rows].join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

function sentence(text: string): string {
  // The name of a function stays as it is.
  return /^\w+_/.test(text) ? `${text}.` : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function block(lines: readonly string[]): string {
  return ["```", ...lines, "```"].join("\n");
}
