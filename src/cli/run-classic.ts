import { CompileError, renderDiagnostic, TsbpfError } from "../base/index.ts";
import { JsonWriter } from "../btf/index.ts";
import { ClassicMachine, checkClassic } from "../isa/index.ts";
import { type CapturedPacket, networkStart } from "../packets/index.ts";
import { countText, percentText, quantityText } from "../user/index.ts";
import { runCapture } from "./capture-run.ts";
import { classicProgram } from "./classic-input.ts";
import type { Invocation } from "./command.ts";
import { CommandError, FAILED } from "./failure.ts";
import { Progress } from "./progress.ts";
import type { RunInput } from "./run-input.ts";
import { rateText } from "./run-report.ts";

/** `tsbpf run FILTER --pcap FILE`: a classic filter, as tcpdump prints it, on packets. */
export async function runClassicFile(
  invocation: Invocation,
  path: string,
  bytes: Uint8Array,
  input: RunInput,
): Promise<number> {
  const { io, options, json, pretty } = invocation;
  const program = filterOf(bytes, path);
  const machine = new ClassicMachine(program);
  if (input.ctx !== undefined)
    throw new CommandError("a classic filter has no context: give --pcap or --data");
  for (const option of ["prog", "repeat"]) {
    if (options.has(option)) throw new CommandError(`'--${option}' is not for classic filters`);
  }
  if (input.data !== undefined) {
    const result = machine.run(input.data);
    if (json) writeJson(invocation, (writer) => writer.field("retval", result).field("match", result !== 0));
    else io.stdout.write(`${result === 0 ? "no match" : "match"} (${result})\n`);
    return 0;
  }
  if (input.pcap === undefined)
    throw new CommandError("give the filter packets: --pcap FILE or --data INPUT");
  const progress = new Progress(io, !json && !options.has("quiet"));
  let matched = 0;
  const run = await runCapture(io, input.pcap, progress, {
    each: (packet) => {
      if (machine.run(packet.data, contextOf(packet)) !== 0) matched++;
      return undefined;
    },
  });
  if (json) {
    const writer = new JsonWriter({ pretty });
    writer.startObject().field("packets", run.packets).field("bytes", run.bytes).field("matched", matched);
    writer.field("seconds", run.seconds).field("interrupted", run.interrupted);
    if (run.problem !== null) writer.field("error", run.problem);
    writer.endObject();
    io.stdout.write(`${writer.out.toString()}\n`);
  } else {
    io.stdout.write(
      `${countText(matched)} of ${quantityText(run.packets, "packet")} match (${percentText(matched, run.packets)})` +
        `  ${rateText(run.packets, run.seconds)}\n`,
    );
  }
  if (run.problem === null) return 0;
  if (!json) throw new CommandError(run.problem);
  return FAILED;
}

function contextOf(packet: CapturedPacket) {
  const network = networkStart(packet.data, packet.linktype)?.offset;
  return { length: packet.originalLength, link: 0, ...(network === undefined ? {} : { network }) };
}

function writeJson({ io, pretty }: Invocation, fields: (writer: JsonWriter) => void): void {
  const writer = new JsonWriter({ pretty });
  writer.startObject();
  fields(writer);
  writer.endObject();
  io.stdout.write(`${writer.out.toString()}\n`);
}

/** What is no object may be a classic filter. Where it is none either, the first reason says enough. */
function filterOf(bytes: Uint8Array, path: string): ReturnType<typeof classicProgram> {
  try {
    const program = classicProgram(bytes, path);
    checkClassic(program);
    return program;
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    const reason =
      error instanceof CompileError ? renderDiagnostic(error.source, error.diagnostics[0]!) : error.message;
    throw new CommandError(`${path}: expected a BPF object or a classic filter, got neither: ${reason}`, {
      cause: error,
    });
  }
}
