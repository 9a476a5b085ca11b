import { disasm } from "../asm/index.ts";
import { buildCfg, dominatorsOf, loopsOf, orderOf, successorsOf } from "../cfg/index.ts";
import type { ObjectSpec } from "../object/index.ts";
import { type BpfCommands, progInfo } from "../sys/index.ts";
import { mapTypeNames, progTypeNames } from "../uapi/index.ts";
import { countText, quantityText, tableText } from "../user/index.ts";
import { kernelBtfById } from "./kernel-btf.ts";
import { kernelSymbols } from "./kernel-symbols.ts";
import type { Style } from "./style.ts";
import { dumpText } from "./xlated-dump.ts";
import { XlatedProgram } from "./xlated-program.ts";

const INDENT = 3;

/** The programs and maps of an object, as tables. */
export function objectTables(spec: ObjectSpec, style: Style): string {
  const layout = { width: style.width, indent: INDENT, heading: style.dim };
  const programs = [...spec.programs.values()].map(({ name, sectionName, kind, insns, lineInfo }) => [
    name,
    sectionName,
    progTypeNames[kind.type] ?? String(kind.type),
    countText(insns.length),
    countText(new Set(lineInfo.map(({ lineNumber }) => lineNumber)).size),
  ]);
  const maps = [...spec.maps].map(([name, { type, keySize, valueSize, maxEntries }]) => [
    name,
    mapTypeNames[type] ?? String(type),
    countText(keySize),
    countText(valueSize),
    countText(maxEntries),
  ]);
  const text = (name: string) => ({ name, right: false });
  const number = (name: string) => ({ name, right: true });
  const programColumns = [
    text("program"),
    text("section"),
    text("type"),
    number("slots"),
    number("source lines"),
  ];
  const mapColumns = [text("map"), text("type"), number("key"), number("value"), number("entries")];
  return `${tableText(programColumns, programs, layout).text}\n${tableText(mapColumns, maps, layout).text}`;
}

function programOf(sys: BpfCommands, fd: number): XlatedProgram {
  const info = progInfo(sys, fd, ["xlatedProgInsns", "funcInfo", "lineInfo", "jitedKsyms"]);
  return new XlatedProgram(info, kernelBtfById(sys, info.btfId), kernelSymbols(sys));
}

/** The first lines of one function of a program, cut to the width. */
export function listingExcerpt(
  sys: BpfCommands,
  fd: number,
  { name, lines, style }: { readonly name: string; readonly lines: number; readonly style: Style },
): string {
  const listing = dumpText(programOf(sys, fd), { opcodes: false, linum: false }).split("\n");
  const start = Math.max(
    0,
    listing.findIndex((line) => line.includes(` ${name}(`) && line.endsWith("):")),
  );
  const width = style.width - INDENT;
  const shown = listing.slice(start, start + lines).map((line) => {
    const cut = line.length > width ? `${line.slice(0, width - 1)}…` : line;
    return `${" ".repeat(INDENT)}${line.startsWith(";") ? style.good(cut) : cut}\n`;
  });
  return `${shown.join("")}${" ".repeat(INDENT)}${style.dim("…")}\n`;
}

/** The control flow of one function, a line for each block, then how many functions, blocks and loops there are. */
export function flowText(sys: BpfCommands, fd: number, name: string, style: Style): string {
  const program = programOf(sys, fd);
  const { insns } = program;
  // Without a JIT the distance stands where it stood when the program was loaded.
  const cfg = buildCfg(insns, { callTarget: "off" });
  const named = program
    .graphRecords(false)
    .functions.find(({ signature }) => signature.includes(` ${name}(`));
  const shown = cfg.functions.find(({ start }) => start === named?.slot) ?? cfg.functions[0]!;
  const first = shown.entry;
  const rows = Array.from({ length: shown.endBlock - first }, (_, at) => {
    const block = first + at;
    const last = cfg.starts[block + 1]! - 1;
    const next = [...new Set(successorsOf(cfg, block))].map((to) => `${to - first}`);
    return [
      `${at}`,
      `${cfg.starts[block]}–${last}`,
      next.join(", "),
      disasm(insns, last, { helperName: () => undefined }),
    ];
  });
  const columns = [
    { name: "block", right: true },
    { name: "slots", right: false },
    { name: "then", right: false },
    { name: "its last instruction", right: false },
  ];
  const table = tableText(columns, rows, { width: style.width, indent: INDENT, heading: style.dim }).text;
  const order = orderOf(cfg);
  const { loops } = loopsOf(cfg, order, dominatorsOf(cfg, order));
  const facts = [
    quantityText(insns.length, "slot"),
    quantityText(cfg.functions.length, "function"),
    quantityText(cfg.blockCount, "block"),
    ...(loops.length === 0 ? [] : [quantityText(loops.length, "loop")]),
  ];
  return `\n${table}\n${" ".repeat(INDENT)}${style.dim(`of ${facts.join(", ")}`)}\n`;
}
