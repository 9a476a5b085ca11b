import { wrapped } from "../base/index.ts";
import { quantityText } from "../user/index.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { flowTable, protocolTable } from "./demo-tables.ts";
import { CommandError } from "./failure.ts";
import type { OpenKernel } from "./io.ts";
import { withKernel } from "./kernel-choice.ts";
import { type LoadedFile, loadSpec, openObject } from "./load-file.ts";
import { flowText, listingExcerpt, objectTables } from "./object-view.ts";
import { runOnCapture } from "./program-run.ts";
import { Progress } from "./progress.ts";
import { rateText, verdictsText } from "./run-report.ts";
import { type Style, styleOf } from "./style.ts";

const OBJECT = "testdata/flow/flow.bpf.o";
const CAPTURE = "testdata/flow/traffic.pcap";
const PROGRAM = "count_flows";
const FUNCTION = "count_flow";
/** Lines of the listing: a taste, not the whole. */
const LISTING_LINES = 14;
const FLOWS = 10;
const INDENT = "   ";
/** It is laid out for the terminals there are. */
const MAX_WIDTH = 80;

/** `tsbpf demo`, what `npm start` runs: a compiled program opened, shown, and run on captured packets. */
export const run: CommandFunction = async (invocation) => {
  const { io, words, json } = invocation;
  words.end();
  if (json) throw new CommandError("'demo' is for people: for JSON see 'run -j' and 'prog dump -j'");
  const dressed = styleOf(io.stdout);
  const style = { ...dressed, width: Math.min(dressed.width, MAX_WIDTH) };
  const object = io.packageFile(OBJECT);
  const spec = await openObject(io, object);
  const say = async (text: string) => {
    io.stdout.write(text);
    await io.stdout.drain();
  };
  await say(
    `${style.bold("tsbpf")} ${io.version}: a BPF program opened, shown and run\n` +
      `${style.dim(wrapped("on an embedded kernel: no Linux, no privileges needed", style.width).join("\n"))}\n`,
  );
  await say(heading(style, 1, "Open", object));
  await say(
    `${paragraph("A flow counter for XDP, compiled by clang from examples/flow/flow.bpf.c.", style)}\n`,
  );
  await say(objectTables(spec, style));
  return await withKernel(invocation, "embedded", async (kernel) => {
    const loaded = loadSpec(kernel, object, spec, { name: PROGRAM });
    await say(heading(style, 2, "Look", `function ${FUNCTION} as the kernel keeps it, and its graph`));
    await say(
      listingExcerpt(kernel.sys, loaded.programs[0]!.fd, { name: FUNCTION, lines: LISTING_LINES, style }),
    );
    await say(flowText(kernel.sys, loaded.programs[0]!.fd, FUNCTION, style));
    return await runAll(invocation, kernel, loaded, style, say);
  });
};

async function runAll(
  { io }: Invocation,
  kernel: OpenKernel,
  loaded: LoadedFile,
  style: Style,
  say: (text: string) => Promise<void>,
): Promise<number> {
  const capture = io.packageFile(CAPTURE);
  const { fd, spec } = loaded.programs[0]!;
  const { type } = spec.kind;
  const options = { path: capture, repeat: 1, progress: new Progress(io, true) };
  const run = await runOnCapture(io, kernel, { fd, type }, options);
  await say(heading(style, 3, "Run", `${capture}: HTTP, DNS, TCP, ICMP over IPv4, IPv6 and VLANs`));
  await say(`   ${quantityText(run.packets, "packet")} ${style.dim(rateText(run.packets, run.seconds))}\n\n`);
  await say(`${verdictsText(type, run, style).replaceAll(/^(?=.)/gm, " ")}\n`);
  await say(`${protocolTable(kernel.sys, loaded, style)}\n`);
  await say(flowTable(kernel.sys, loaded, FLOWS, style));
  if (run.problem !== null) throw new CommandError(run.problem);
  if (run.interrupted) return 0;
  const object = io.packageFile(OBJECT);
  await say(heading(style, 4, "Try next", ""));
  for (const [what, command] of [
    ["Draw the program's graph:", `prog dump xlated file ${object} --svg flow.svg`],
    ["Read its types as C:", `btf dump file ${object} format c`],
    ["Run it on packets of your own:", `run ${object} --pcap YOURS.pcap`],
  ] as const) {
    await say(`   ${what}\n     ${style.good(`${io.program} ${command}`)}\n`);
  }
  return 0;
}

function heading(style: Style, number: number, title: string, text: string): string {
  const head = `${number}  ${title}`;
  const body = wrapped(text, style.width - head.length - 2);
  const lines = body.map((line, at) =>
    at === 0
      ? `${style.bold(head)}${line === "" ? "" : `  ${line}`}`
      : `${" ".repeat(head.length + 2)}${line}`,
  );
  return `\n${lines.join("\n")}\n\n`;
}

/** Text below a heading. */
function paragraph(text: string, style: Style): string {
  const lines = wrapped(text, style.width - INDENT.length);
  return lines.map((line) => `${INDENT}${line}\n`).join("");
}
