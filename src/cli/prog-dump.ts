import { jsonText } from "../asm/index.ts";
import { hexOf, NotSupported, utf8 } from "../base/index.ts";
import { type BpfCommands, type ProgInfo, progInfo } from "../sys/index.ts";
import { progTypeNames } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { attempt, openPrograms } from "./handles.ts";
import type { OpenKernel } from "./io.ts";
import { isWasm, JITED_PARTS, jitedJson, jitedText } from "./jited-program.ts";
import { kernelBtfById } from "./kernel-btf.ts";
import { withKernel } from "./kernel-choice.ts";
import { kernelSymbols } from "./kernel-symbols.ts";
import { loadFile } from "./load-file.ts";
import { type DumpOptions, dumpEntries, dumpGraph, dumpJson, dumpText } from "./xlated-dump.ts";
import { XlatedProgram } from "./xlated-program.ts";

/** What the words behind the program ask for. */
interface Wanted extends DumpOptions {
  readonly mode: Mode;
  readonly visual: boolean;
  readonly svg: string | undefined;
  /** Where the code is written as it is. */
  readonly file: string | undefined;
}

type Mode = "xlated" | "jited";

/**
 * `tsbpf prog dump xlated { file OBJECT [name PROG_NAME] | PROG } [opcodes] [linum] [visual] [file FILE]`, and
 * `dump jited …` without `visual`.
 */
export async function dumpProgram(invocation: Invocation): Promise<number> {
  const { words } = invocation;
  const word = words.take();
  const mode = (["xlated", "jited"] as const).find((each) => each.startsWith(word));
  if (mode === undefined) throw new CommandError(`expected 'xlated' or 'jited', got: ${word}`);
  words.need(2);
  if (!words.accept("file")) {
    return await withKernel(invocation, "linux", async (kernel) => {
      const fds = openPrograms(kernel.sys, words);
      return await dumpAll(invocation, kernel, fds, wantedBy(invocation, mode, fds.length));
    });
  }
  const path = words.take();
  const name = words.accept("name") ? words.take() : undefined;
  const wanted = wantedBy(invocation, mode, 1);
  const debug = invocation.options.has("debug");
  const show = async (kernel: OpenKernel) => {
    const loaded = await loadFile(invocation.io, kernel, path, {
      debug,
      ...(name === undefined ? {} : { name }),
    });
    const fds = loaded.programs.map(({ fd }) => fd);
    const status = await dumpAll(invocation, kernel, fds, wanted);
    await invocation.io.stdout.drain();
    for (const program of loaded.programs.filter(({ fd }) => kernel.isRefused(fd))) {
      invocation.io.stderr.write(
        `${program.name}: no kernel loads this: the verifier refuses it ('tsbpf verify ${path} --prog ${program.name}' says why)\n`,
      );
    }
    return status;
  };
  // What is compiled has to call what there is; there are more programs whose instructions can be looked at.
  const how =
    mode === "jited"
      ? ({ engine: "jit", hot: true, lenient: true } as const)
      : ({ execute: false, lenient: true } as const);
  return await withKernel(invocation, "embedded", show, how);
}

function wantedBy({ words, options, json }: Invocation, mode: Mode, programs: number): Wanted {
  let opcodes = false;
  let linum = false;
  let file: string | undefined;
  const svg = options.value("svg");
  let visual = svg !== undefined;
  while (words.count > 0) {
    if (words.accept("file")) file = words.take();
    else if (words.accept("opcodes")) opcodes = true;
    else if (words.accept("visual")) visual = true;
    else if (words.accept("linum")) linum = true;
    else throw new UsageError(`unexpected word '${words.peek}'`);
  }
  if (visual && mode === "jited") throw new CommandError("'visual' is not compatible with 'jited'");
  if ((visual || file !== undefined) && programs > 1) throw new CommandError("several programs matched");
  if (visual && json) throw new CommandError("'visual' is not compatible with JSON output");
  return { mode, opcodes, linum, visual, svg, file };
}

async function dumpAll(
  invocation: Invocation,
  { sys }: OpenKernel,
  fds: readonly number[],
  wanted: Wanted,
): Promise<number> {
  if (fds.length === 0) throw new CommandError("no program matches");
  const parts =
    wanted.mode === "jited"
      ? JITED_PARTS
      : (["xlatedProgInsns", "funcInfo", "lineInfo", "jitedKsyms"] as const);
  const infos = fds.map((fd) => {
    const info = attempt("can't get prog info", () => progInfo(sys, fd, parts));
    const { length } = wanted.mode === "jited" ? info.jitedProgInsns : info.xlatedProgInsns;
    if (length === 0) throw new CommandError(WITHOUT[wanted.mode]);
    return info;
  });
  if (wanted.file !== undefined) {
    if (infos.length > 1) throw severalMatched(infos);
    const { jitedProgInsns, xlatedProgInsns } = infos[0]!;
    await invocation.io.writeFile(wanted.file, wanted.mode === "jited" ? jitedProgInsns : xlatedProgInsns);
    return 0;
  }
  if (wanted.mode === "jited") dumpJited(invocation, sys, infos, wanted);
  else await dumpXlated(invocation, sys, infos, wanted);
  return 0;
}

/** What there is to say where a kernel shows no code. */
const WITHOUT: Readonly<Record<Mode, string>> = {
  xlated: "error retrieving insn dump: kernel.kptr_restrict set?",
  jited: "error retrieving jit dump: no instructions returned or kernel.kptr_restrict set?",
};

function severalMatched(infos: readonly ProgInfo[]): CommandError {
  const names = infos.map(({ name }) => name).join(", ");
  return new CommandError(`several programs matched: choose one of them with 'name': ${names}`);
}

function dumpJited(
  { io, json, pretty }: Invocation,
  sys: BpfCommands,
  infos: readonly ProgInfo[],
  wanted: Wanted,
): void {
  for (const { jitedProgInsns, name } of infos) {
    if (isWasm(jitedProgInsns)) continue;
    throw new NotSupported(`disassembling the machine code of '${name}'`, {
      why: "this version of tsbpf prints code of the embedded kernel alone; 'file FILE' writes the bytes",
    });
  }
  const btfOf = ({ btfId }: ProgInfo) => kernelBtfById(sys, btfId);
  if (json) {
    const all = infos.map((info) => ({ info, functions: jitedJson(info, btfOf(info), wanted) }));
    const value =
      all.length === 1
        ? all[0]!.functions
        : all.map(({ info, functions }) => ({ ...headerJson(info), functions }));
    io.stdout.write(`${JSON.stringify(value, null, pretty ? 4 : undefined)}\n`);
    return;
  }
  for (const info of infos) {
    if (infos.length > 1) io.stdout.write(headerText(info));
    io.stdout.write(jitedText(info, btfOf(info), wanted));
  }
}

async function dumpXlated(
  invocation: Invocation,
  sys: BpfCommands,
  infos: readonly ProgInfo[],
  wanted: Wanted,
): Promise<void> {
  const { io, json, pretty } = invocation;
  // After the programs: an embedded kernel gives a function an address when a program that calls it is shown.
  const symbols = kernelSymbols(sys);
  const programs = infos.map((info) => ({
    info,
    program: new XlatedProgram(info, kernelBtfById(sys, info.btfId), symbols),
  }));
  if (wanted.visual) {
    if (programs.length > 1) throw severalMatched(infos);
    await showGraph(invocation, dumpGraph(programs[0]!.program, wanted), wanted.svg);
    return;
  }
  if (programs.length === 1) {
    const { program } = programs[0]!;
    io.stdout.write(json ? `${dumpJson(program, wanted, pretty)}\n` : dumpText(program, wanted));
    return;
  }
  if (json) {
    const all = programs.map(({ info, program }) => ({
      ...headerJson(info),
      insns: dumpEntries(program, wanted),
    }));
    io.stdout.write(jsonText(all, { pretty }));
    return;
  }
  programs.forEach(({ info, program }, at) => {
    io.stdout.write(`${at > 0 ? "\n" : ""}${headerText(info)}${dumpText(program, wanted)}`);
  });
}

async function showGraph({ io }: Invocation, graph: string, svg: string | undefined): Promise<void> {
  if (svg === undefined) {
    io.stdout.write(graph);
    return;
  }
  const drawn = utf8(await io.renderSvg(graph));
  if (svg === "-") io.stdout.write(drawn);
  else await io.writeFile(svg, drawn);
}

function headerText(info: ProgInfo): string {
  const type = progTypeNames[info.type] ?? `type ${info.type}`;
  const name = info.name === "" ? "" : `name ${info.name}  `;
  return `${info.id}: ${type}  ${name}tag ${hexOf(info.tag)}${info.gplCompatible ? "  gpl" : ""}\n`;
}

function headerJson(info: ProgInfo): object {
  return {
    id: info.id,
    type: progTypeNames[info.type] ?? info.type,
    ...(info.name === "" ? {} : { name: info.name }),
    tag: hexOf(info.tag),
    gpl_compatible: info.gplCompatible !== 0,
  };
}
