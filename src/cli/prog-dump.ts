import { jsonText } from "../asm/index.ts";
import { hexOf, NotSupported, utf8 } from "../base/index.ts";
import { type ProgInfo, progInfo } from "../sys/index.ts";
import { progTypeNames } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import { attempt, openPrograms } from "./handles.ts";
import type { OpenKernel } from "./io.ts";
import { kernelBtfById } from "./kernel-btf.ts";
import { withKernel } from "./kernel-choice.ts";
import { kernelSymbols } from "./kernel-symbols.ts";
import { loadFile } from "./load-file.ts";
import { type DumpOptions, dumpEntries, dumpGraph, dumpJson, dumpText } from "./xlated-dump.ts";
import { XlatedProgram } from "./xlated-program.ts";

/** What the words behind the program ask for. */
interface Wanted extends DumpOptions {
  readonly visual: boolean;
  readonly svg: string | undefined;
}

/** `tsbpf prog dump xlated { file OBJECT [name PROG_NAME] | PROG } [opcodes] [linum] [visual]` */
export async function dumpProgram(invocation: Invocation): Promise<number> {
  const { words } = invocation;
  const mode = words.take();
  if ("jited".startsWith(mode)) {
    throw new NotSupported("'prog dump jited'", { why: "it is not in this version of tsbpf" });
  }
  if (!"xlated".startsWith(mode)) throw new CommandError(`expected 'xlated' or 'jited', got: ${mode}`);
  words.need(2);
  if (!words.accept("file")) {
    return await withKernel(invocation, "linux", async (kernel) => {
      const fds = openPrograms(kernel.sys, words);
      return await dumpAll(invocation, kernel, fds, wantedBy(invocation, fds.length));
    });
  }
  const path = words.take();
  const name = words.accept("name") ? words.take() : undefined;
  const wanted = wantedBy(invocation, 1);
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
  return await withKernel(invocation, "embedded", show, { execute: false, lenient: true });
}

function wantedBy({ words, options, json }: Invocation, programs: number): Wanted {
  let opcodes = false;
  let linum = false;
  const svg = options.value("svg");
  let visual = svg !== undefined;
  while (words.count > 0) {
    if (words.accept("file")) {
      throw new NotSupported("'file' behind a program", { why: "it is not in this version of tsbpf" });
    }
    if (words.accept("opcodes")) opcodes = true;
    else if (words.accept("visual")) visual = true;
    else if (words.accept("linum")) linum = true;
    else throw new UsageError(`unexpected word '${words.peek}'`);
  }
  if (visual && programs > 1) throw new CommandError("several programs matched");
  if (visual && json) throw new CommandError("'visual' is not compatible with JSON output");
  return { opcodes, linum, visual, svg };
}

async function dumpAll(
  invocation: Invocation,
  { sys }: OpenKernel,
  fds: readonly number[],
  wanted: Wanted,
): Promise<number> {
  const { io, json, pretty } = invocation;
  if (fds.length === 0) throw new CommandError("no program matches");
  const infos = fds.map((fd) => {
    const info = attempt("can't get prog info", () =>
      progInfo(sys, fd, ["xlatedProgInsns", "funcInfo", "lineInfo", "jitedKsyms"]),
    );
    if (info.xlatedProgInsns.length === 0) {
      throw new CommandError("error retrieving insn dump: kernel.kptr_restrict set?");
    }
    return info;
  });
  // After the programs: an embedded kernel gives a function an address when a program that calls it is shown.
  const symbols = kernelSymbols(sys);
  const programs = infos.map((info) => ({
    info,
    program: new XlatedProgram(info, kernelBtfById(sys, info.btfId), symbols),
  }));
  if (wanted.visual) {
    if (programs.length > 1) {
      const names = programs.map(({ info }) => info.name).join(", ");
      throw new CommandError(`several programs matched: choose one of them with 'name': ${names}`);
    }
    await showGraph(invocation, dumpGraph(programs[0]!.program, wanted), wanted.svg);
    return 0;
  }
  if (programs.length === 1) {
    const { program } = programs[0]!;
    io.stdout.write(json ? `${dumpJson(program, wanted, pretty)}\n` : dumpText(program, wanted));
    return 0;
  }
  if (json) {
    const all = programs.map(({ info, program }) => ({
      ...headerJson(info),
      insns: dumpEntries(program, wanted),
    }));
    io.stdout.write(jsonText(all, { pretty }));
    return 0;
  }
  programs.forEach(({ info, program }, at) => {
    io.stdout.write(`${at > 0 ? "\n" : ""}${headerText(info)}${dumpText(program, wanted)}`);
  });
  return 0;
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
