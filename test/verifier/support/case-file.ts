import { bytesOfHex } from "../../../src/base/index.ts";
import { encode } from "../../../src/isa/index.ts";
import { BpfProgFlag } from "../../../src/uapi/index.ts";
import { CTypes } from "./c-types.ts";
import { attachOf } from "./case-attach.ts";
import { type MapLine, readMapLine } from "./case-map.ts";
import { assembleCase, assembleEntry } from "./case-program.ts";
import { readRights } from "./case-rights.ts";
import { type Section, sectionsOf } from "./case-sections.ts";
import { attachTypeOf, CaseError, programFlagsOf, programTypeOf } from "./case-words.ts";
import type { CaseMap, CaseRun, VerifierCase } from "./verifier-case.ts";

const KEYS: ReadonlySet<string> = new Set([
  "type",
  "attach-type",
  "attach",
  "flags",
  "license",
  "rights",
  "types",
  "code",
  "lines",
  "run",
]);
const MAP_KEYS: ReadonlySet<string> = new Set(["map", "element", "program", "frozen"]);

/** Reads a file of cases (`testdata/verifier/README.md` says what it looks like). Throws {@link CaseError}. */
export function readCaseFile(text: string, file: string, group: string): VerifierCase[] {
  const { preamble, cases } = sectionsOf(text, file);
  for (const section of [preamble, ...cases]) {
    for (const { key, line } of section.entries) {
      const word = key.split(" ")[0]!;
      if (!KEYS.has(key) && !MAP_KEYS.has(word)) throw new CaseError(file, line, `there is no key '${key}'`);
    }
  }
  return cases.map((section) => {
    try {
      return readCase(preamble, section, file, group);
    } catch (error) {
      if (error instanceof CaseError) throw error;
      throw new CaseError(file, section.line, `${section.name}: ${(error as Error).message}`);
    }
  });
}

function readCase(preamble: Section, section: Section, file: string, group: string): VerifierCase {
  const entries = [...preamble.entries, ...section.entries];
  const last = (key: string) => entries.findLast((entry) => entry.key === key)?.value;
  const all = (key: string) => entries.filter((entry) => entry.key === key).map(({ value }) => value);
  const code = last("code");
  if (code === undefined) throw new Error("the case has no code");
  const declarations = all("types");
  // A case may describe a map of the preamble anew.
  const mapTexts = new Map(
    entries.filter(({ key }) => key.startsWith("map ")).map(({ key, value }) => [key.slice(4), value]),
  );
  const mapLines = [...mapTexts].map(([name, text]) => readMapLine(name, text));
  const needsTypes = declarations.length > 0 || mapLines.some(({ valueType }) => valueType !== null);
  const types = needsTypes ? new CTypes(declarations.join("\n")) : null;
  const program = assembleCase(
    code,
    mapLines.map(({ name }) => name),
    types,
  );
  const maps = new CaseMaps(mapLines, types, entries);
  const references = program.references.map((reference) =>
    reference.kind === "map" ? { ...reference, map: maps.use(reference.map) } : reference,
  );
  const funcInfo: number[] = [];
  for (const [label, slot] of [...program.labels].sort((a, b) => a[1] - b[1])) {
    const id = types?.functionId(label);
    if (id !== undefined) funcInfo.push(slot, id);
  }
  const lineInfo = last("lines") === "yes" ? lineRecords(types, program.lines, code, file) : [];
  const withTypes = funcInfo.length > 0 || lineInfo.length > 0;
  const run = all("run");
  const type = last("type") ?? "socket_filter";
  // `none` undoes what stands before the first case.
  const detached = last("attach") === "none";
  const attachType = detached ? undefined : last("attach-type");
  const attach = detached ? undefined : last("attach");
  const flags = last("flags") ?? "";
  return {
    name: `${group}: ${section.name}`,
    group,
    progType: programTypeOf(type),
    expectedAttachType: attachType === undefined ? 0 : attachTypeOf(attachType),
    // As the kernel's own tests do, so that what the verifier knows of upper halves shows in the result.
    progFlags:
      programFlagsOf(flags.replace(/\bplain\b/, "")) |
      (/\bplain\b/.test(flags) ? 0 : BpfProgFlag.TEST_RND_HI32),
    license: last("license") ?? "GPL",
    rights: readRights(last("rights") ?? "all"),
    insns: encode(program.insns),
    references,
    maps: maps.made(types),
    btf: withTypes ? (types?.bytes() ?? null) : null,
    funcInfo: words(funcInfo),
    lineInfo: words(lineInfo),
    attach: attach === undefined ? null : attachOf(type, attachType, attach),
    runs: run.map(readRun),
    source: section.text,
  };
}

/** The maps that a program uses, in the order of their use. */
class CaseMaps {
  readonly #lines: readonly MapLine[];
  readonly #types: CTypes | null;
  readonly #entries: Section["entries"];
  readonly #used: number[] = [];

  constructor(lines: readonly MapLine[], types: CTypes | null, entries: Section["entries"]) {
    this.#lines = lines;
    this.#types = types;
    this.#entries = entries;
  }

  use(line: number): number {
    const inner = this.#lines[line]!.inner;
    // A map comes behind the pattern of its inner maps.
    if (inner !== null && !this.#used.includes(line)) {
      const at = this.#lines.findIndex(({ name }) => name === inner);
      if (at < 0) throw new Error(`there is no map '${inner}'`);
      this.use(at);
    }
    if (!this.#used.includes(line)) this.#used.push(line);
    return this.#used.indexOf(line);
  }

  made(types: CTypes | null): CaseMap[] {
    const sized = this.#used.map((index) => {
      const line = this.#lines[index]!;
      const keyType = line.keyType === null ? 0 : this.#types!.id(line.keyType);
      const valueType = line.valueType === null ? 0 : this.#types!.id(line.valueType);
      const keySize = line.keyType === null ? line.keySize : this.#types!.sizeOf(line.keyType);
      const valueSize = line.valueType === null ? line.valueSize : this.#types!.sizeOf(line.valueType);
      return { line, keyType, valueType, keySize, valueSize };
    });
    const btf = types?.bytes() ?? null;
    return sized.map(({ line, keyType, valueType, keySize, valueSize }) => ({
      name: line.anonymous ? "" : line.name,
      type: line.type,
      keySize,
      valueSize,
      maxEntries: line.entries,
      flags: line.flags,
      extra: line.extra,
      types: keyType + valueType === 0 || btf === null ? null : { btf, keyType, valueType },
      inner:
        line.inner === null
          ? null
          : this.#used.indexOf(this.#lines.findIndex(({ name }) => name === line.inner)),
      elements: this.#valuesOf("element", line.name, 2).map(([key, value]) => ({
        key: hex(key!),
        value: hex(value!),
      })),
      frozen: this.#entries.some(({ key }) => key === `frozen ${line.name}`),
      programs: this.#valuesOf("program", line.name, 2).map(([index, code]) => ({
        index: Number(index),
        ...assembleEntry(code!.replaceAll(";", "\n"), line.name),
      })),
    }));
  }

  /** `element NAME: KEY = VALUE`, `program NAME: INDEX = CODE` */
  #valuesOf(word: string, name: string, parts: number): string[][] {
    return this.#entries
      .filter(({ key }) => key === `${word} ${name}`)
      .map(({ value }) => {
        const at = value.indexOf("=");
        if (at < 0) throw new Error(`${word} ${name}: expected ${parts} parts with '=' between`);
        return [value.slice(0, at).trim(), value.slice(at + 1).trim()];
      });
  }
}

/** `data HEX`, `data zeros(64)`, `ctx HEX`, both with a comma between; nothing: 64 zero bytes of data. */
function readRun(text: string): CaseRun {
  let data: Uint8Array | null = null;
  let ctx: Uint8Array | null = null;
  if (text.trim() === "") return { data: new Uint8Array(64), ctx: null };
  for (const part of text.split(",")) {
    const match = /^\s*(data|ctx)\s+(.*?)\s*$/.exec(part);
    if (match === null) throw new Error(`run: expected 'data BYTES' or 'ctx BYTES', got '${part}'`);
    if (match[1] === "data") data = hex(match[2]!);
    else ctx = hex(match[2]!);
  }
  return { data, ctx };
}

/** Hex digits, and `zeros(N)`; several of both. */
function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/zeros\((\d+)\)/g, (_, count) => "00".repeat(Number(count)));
  const bytes = bytesOfHex(digits);
  if (bytes === null) throw new Error(`expected hex digits, got '${text}'`);
  return bytes;
}

/** One record for each instruction, whose source line is the assembly text. */
function lineRecords(types: CTypes | null, lines: readonly number[], code: string, file: string): number[] {
  if (types === null) throw new Error("'lines: yes' needs types");
  const texts = code.split("\n");
  const records: number[] = [];
  const fileOffset = types.string(file.replace(/^.*\//, ""));
  for (const [slot, line] of lines.entries()) {
    if (slot > 0 && lines[slot - 1] === line) continue;
    records.push(slot, fileOffset, types.string(texts[line]!.trim()), (line + 1) << 10);
  }
  return records;
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
