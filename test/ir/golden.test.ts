import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { optimise, printIr } from "../../src/ir/index.ts";
import { inlineCalls } from "../../src/ir/inline.ts";
import { mergeLoads } from "../../src/ir/merge-loads.ts";
import { mergeStores } from "../../src/ir/merge-stores.ts";
import { narrowPhis } from "../../src/ir/narrow-phis.ts";
import { promoteStack } from "../../src/ir/promote-stack.ts";
import { removeDead } from "../../src/ir/remove-dead.ts";
import { selectBranches } from "../../src/ir/select-branches.ts";
import { simplify } from "../../src/ir/simplify.ts";
import { straighten } from "../../src/ir/straighten.ts";
import { type IrCase, irOfText } from "./support.ts";

/**
 * Functions before and after passes, as text files. To add a case, write a file `golden/NAME.txt` of comments (`#`), a line
 * `passes:` with the names of passes (or `all`), and a program behind a line `code:`; run
 * `TSBPF_BLESS=1 npx vitest run test/ir/golden.test.ts`, and read what it wrote.
 */
const FOLDER = "test/ir/golden";
const BLESS = process.env["TSBPF_BLESS"] !== undefined;

const PASSES: Readonly<Record<string, (of: IrCase) => void>> = {
  simplify: ({ func, knowledge }) => simplify(func, knowledge),
  "promote-stack": ({ func, knowledge }) => promoteStack(func, knowledge),
  straighten: ({ func }) => straighten(func),
  "select-branches": ({ func }) => selectBranches(func),
  inline: ({ func, knowledge }) => {
    inlineCalls(func, knowledge.inlining);
  },
  "remove-dead": ({ func }) => removeDead(func),
  "narrow-phis": ({ func }) => narrowPhis(func),
  "merge-loads": ({ func }) => {
    mergeLoads(func);
  },
  "merge-stores": ({ func }) => {
    mergeStores(func);
  },
  all: ({ func, knowledge }) => {
    optimise(func, knowledge);
    removeDead(func);
  },
};

/** The part of a case that people write. */
function written(text: string): string {
  const end = text.indexOf("\nbefore:\n");
  return end < 0 ? text.trimEnd() : text.slice(0, end).trimEnd();
}

function blessed(text: string): string {
  const head = written(text);
  const [, passes, code] = /^passes: (.+)\ncode:\n([\s\S]*)$/m.exec(head) ?? [];
  if (passes === undefined || code === undefined) throw new Error("expected lines 'passes:' and 'code:'");
  const test = irOfText(code);
  const before = printIr(test.func);
  // What `optimise` begins with: any pointer may lead to the frame.
  test.func.frameEscapes = true;
  for (const name of passes.split(" ")) {
    const pass = PASSES[name];
    if (pass === undefined) throw new Error(`there is no pass '${name}'`);
    pass(test);
  }
  return `${head}\n\nbefore:\n${before}\nafter:\n${printIr(test.func)}`;
}

describe("functions before and after passes", () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".txt"));
  it.each(files.sort())("%s", (file) => {
    const path = `${FOLDER}/${file}`;
    const text = readFileSync(path, "utf8");
    const got = blessed(text);
    if (BLESS) writeFileSync(path, got);
    else expect(got).toBe(text);
  });
});
