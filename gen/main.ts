import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { btfDump } from "./btf-dump/index.ts";
import type { Generated, Generator } from "./generator.ts";
import { helperDocs } from "./helper-docs.ts";
import { helperSignatures } from "./platform/helper-signatures.ts";
import { platformGenerator } from "./platform/index.ts";
import { kfuncSignatures } from "./platform/kfunc-signatures.ts";
import { tracepointsGenerator } from "./platform/tracepoints.ts";
import { uapi } from "./uapi/index.ts";
import { verifierDocs } from "./verifier/docs.ts";
import { vmlinux } from "./vmlinux.ts";

const GENERATORS: readonly Generator[] = [
  uapi,
  platformGenerator,
  helperSignatures,
  kfuncSignatures,
  tracepointsGenerator,
  btfDump,
  verifierDocs,
  helperDocs,
  vmlinux,
];

/** The first line that differs, for a person to look at. */
function firstDifference(path: string, wanted: string | Uint8Array): string | null {
  if (!existsSync(path)) return `${path}: missing`;
  if (typeof wanted !== "string") {
    return Buffer.compare(new Uint8Array(readFileSync(path)), wanted) === 0 ? null : `${path}: differs`;
  }
  const found = readFileSync(path, "utf8");
  if (found === wanted) return null;
  const [old, fresh] = [found.split("\n"), wanted.split("\n")];
  const line = fresh.findIndex((text, index) => text !== old[index]);
  const at = line < 0 ? fresh.length : line;
  return `${path}:${at + 1}: differs\n    committed: ${old[at] ?? "(end)"}\n    generated: ${fresh[at] ?? "(end)"}`;
}

function write(generated: Extract<Generated, { files: unknown }>): string {
  let written = 0;
  for (const [path, content] of generated.files) {
    if (firstDifference(path, content) === null) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    written++;
  }
  return `${generated.files.size} files, ${written} changed`;
}

async function main(args: readonly string[]): Promise<number> {
  const check = args.includes("--check");
  const names = args.filter((arg) => !arg.startsWith("-"));
  const unknown = names.find((name) => !GENERATORS.some((generator) => generator.name === name));
  if (args.includes("--help") || unknown !== undefined) {
    if (unknown !== undefined) console.error(`gen: no generator '${unknown}'`);
    console.log("npm run gen -- [--check] [NAME …]");
    for (const { name, purpose } of GENERATORS) console.log(`  ${name.padEnd(12)} ${purpose}`);
    return unknown === undefined ? 0 : 2;
  }
  let drifted = false;
  for (const generator of GENERATORS) {
    const asked = names.includes(generator.name);
    if (names.length > 0 && !asked) continue;
    if (!generator.repeatable && (check || !asked)) continue;
    const generated = await generator.generate();
    if ("skipped" in generated) {
      console.log(`${generator.name}: skipped: ${generated.skipped}`);
      continue;
    }
    const note = generated.note === undefined ? "" : ` (${generated.note})`;
    if (!check) {
      console.log(`${generator.name}: ${write(generated)}${note}`);
      continue;
    }
    const differences = [...generated.files].flatMap(([path, wanted]) => firstDifference(path, wanted) ?? []);
    for (const difference of differences) console.error(difference);
    drifted ||= differences.length > 0;
    console.log(`${generator.name}: ${generated.files.size} files, ${differences.length} differ${note}`);
  }
  return drifted ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
