import { NotSupported } from "../base/index.ts";
import type { ObjectSpec, ProgramSpec } from "../object/index.ts";
import { Errno, type ProgTestRunArguments } from "../sys/index.ts";
import { BpfProgType, Errno as E, progTypeNames } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError, FAILED } from "./failure.ts";
import type { CliIo, KernelRequest, OpenKernel } from "./io.ts";
import { withKernel } from "./kernel-choice.ts";
import { type LoadedFile, loadSpec, openObject } from "./load-file.ts";
import { mayRunLong } from "./long-runs.ts";
import { ETHERNET_HEADER, packetLimit } from "./packet-limits.ts";
import { runOnCapture, runProblem, takesPackets } from "./program-run.ts";
import { Progress } from "./progress.ts";
import type { RunInput } from "./run-input.ts";
import {
  packetRunJson,
  packetRunText,
  type RepeatedResult,
  type RunSubject,
  singleRunJson,
  singleRunText,
  subjectText,
} from "./run-report.ts";
import { styleOf } from "./style.ts";

/** `tsbpf run OBJECT …` */
export async function runObject(invocation: Invocation, path: string, input: RunInput): Promise<number> {
  const { io, options } = invocation;
  const spec = await openObject(io, path);
  const program = chosenProgram(spec, path, options.value("prog"));
  const engine = options.value("engine") as KernelRequest["engine"];
  const packets = takesPackets(program.kind.type);
  if (packets && input.pcap === undefined && input.data === undefined) {
    const type = typeName(program.kind.type);
    throw new CommandError(
      `${program.name} is a program of type ${type}: give it packets with --pcap FILE or --data INPUT`,
    );
  }
  if (!packets && input.pcap !== undefined) {
    const type = typeName(program.kind.type);
    throw new CommandError(`${program.name} is a program of type ${type}: it does not take packets`);
  }
  const run = async (opened: OpenKernel, request: KernelRequest): Promise<number> => {
    if (engine !== undefined && request.kind !== "embedded")
      throw new CommandError("--engine: the running kernel has its own, expected --kernel embedded");
    const loaded = loadSpec(opened, path, spec, {
      name: program.name,
      debug: options.has("debug"),
      warnings: io.stderr,
    });
    const subject: RunSubject = {
      object: path,
      program: program.name,
      type: program.kind.type,
      kernel: request.kind,
      maps: loaded.maps,
      opened,
      long: mayRunLong(spec),
    };
    return input.pcap === undefined
      ? runOnce(invocation, subject, loaded, input)
      : await runPackets(invocation, subject, loaded, { ...input, pcap: input.pcap });
  };
  return await withKernel(invocation, "embedded", run, { engine: engine ?? "jit" });
}

function chosenProgram(spec: ObjectSpec, path: string, name: string | undefined): ProgramSpec {
  const programs = [...spec.programs.values()];
  const names = programs.map((program) => program.name).join(", ");
  if (name !== undefined) {
    const found = spec.programs.get(name);
    if (found === undefined)
      throw new CommandError(`${path}: has no program '${name}', but ${names || "none"}`);
    return found;
  }
  if (programs.length === 1) return programs[0]!;
  if (programs.length === 0) throw new CommandError(`${path}: has no programs`);
  throw new CommandError(`${path}: has several programs: choose one of them with --prog: ${names}`);
}

async function runPackets(
  invocation: Invocation,
  subject: RunSubject,
  loaded: LoadedFile,
  input: RunInput & { readonly pcap: string },
): Promise<number> {
  const { io, options, json, pretty } = invocation;
  const style = styleOf(io.stdout);
  const progress = new Progress(io, !json && !options.has("quiet"));
  const run = await testRun(subject, () =>
    runOnCapture(
      io,
      subject.opened,
      { fd: fdOf(loaded), type: subject.type, long: subject.long },
      { path: input.pcap, repeat: input.repeat, progress },
    ),
  );
  // Nothing was run: what is wrong with the capture is all there is to say.
  if (run.problem !== null && run.packets === 0) throw new CommandError(run.problem);
  io.stdout.write(
    json
      ? packetRunJson(subject, input.pcap, run, pretty)
      : subjectText(subject, style) + packetRunText(subject, input.pcap, run, style),
  );
  // In JSON it has been said.
  if (run.problem !== null && !json) throw new CommandError(run.problem);
  const noneRan = run.refused.size > 0 && run.verdicts.size === 0;
  return run.problem !== null || noneRan ? FAILED : 0;
}

async function runOnce(
  { io, json, pretty }: Invocation,
  subject: RunSubject,
  loaded: LoadedFile,
  input: RunInput,
): Promise<number> {
  const style = styleOf(io.stdout);
  if (takesPackets(subject.type) && (input.data?.length ?? 0) < ETHERNET_HEADER) {
    const got = input.data?.length ?? 0;
    throw new CommandError(
      `--data: expected a packet with its Ethernet header, ${ETHERNET_HEADER} bytes or more, got ${got}`,
    );
  }
  if (!takesPackets(subject.type) && input.repeat !== 1) {
    throw new CommandError(`--repeat: programs of type ${typeName(subject.type)} are run once`);
  }
  const ctx = input.ctx?.slice();
  const result = await testRun(
    subject,
    async () => {
      const args = { progFd: fdOf(loaded), ...(ctx === undefined ? {} : { ctxIn: ctx }) };
      if (takesPackets(subject.type))
        return await repeatedRun(io, subject, { ...args, ...packetArguments(input) });
      // Linux refuses all other arguments here. Of these types only syscall programs write to their context: in place.
      const run = { ...subject.opened.sys.progTestRun(args), runs: 1 };
      const changes = subject.type === BpfProgType.SYSCALL && ctx !== undefined;
      return changes ? { ...run, ctxOut: ctx, ctxSizeOut: ctx.length } : run;
    },
    input.data,
  );
  io.stdout.write(
    json
      ? singleRunJson(subject, result, input, pretty)
      : subjectText(subject, style) + singleRunText(subject, result, input, style),
  );
  return 0;
}

/** Runs a program on a packet, once or more often; where the kernel lets signals have their turn, until one of them. */
async function repeatedRun(
  io: CliIo,
  { opened: { sys, testRun: inParts }, long }: RunSubject,
  args: ProgTestRunArguments & { readonly repeat: number },
): Promise<RepeatedResult> {
  if (args.repeat > 1 && inParts !== undefined) {
    const options = { signal: io.signal(), turn: () => io.turn() };
    return await inParts(args, long ? { ...options, guard: (act) => io.interruptible(act) } : options);
  }
  return { ...sys.progTestRun(args), runs: args.repeat };
}

function packetArguments({ data, ctx, repeat }: RunInput) {
  return {
    repeat,
    ...(data === undefined ? {} : { dataIn: data, dataSizeOut: data.length + HEADROOM }),
    ...(ctx === undefined ? {} : { ctxSizeOut: Math.max(ctx.length, CONTEXT_ROOM) }),
  };
}

function typeName(type: number): string {
  return progTypeNames[type] ?? `${type}`;
}

/** As much as the context of any type of packet has, and some more. */
const CONTEXT_ROOM = 1024;
/** A program may put as much in front of its packet (XDP_PACKET_HEADROOM). */
const HEADROOM = 256;
async function testRun<T>(subject: RunSubject, act: () => Promise<T>, packet?: Uint8Array): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    const { program, type, opened } = subject;
    if (error.errno === E.ENOTSUPP || error.errno === E.EOPNOTSUPP) {
      throw new NotSupported(`running programs of type ${typeName(type)} by BPF_PROG_TEST_RUN`, {
        cause: error,
      });
    }
    const limit = packet === undefined ? null : packetLimit(type, packet, error.errno);
    if (limit !== null) throw new CommandError(`--data: ${limit}`, { cause: error });
    const hint =
      error.errno === E.EINVAL && !takesPackets(type)
        ? ": --ctx must give all of the context that the program uses, and no more than its type has"
        : "";
    throw new CommandError(`${program}: ${runProblem(opened, error)}${hint}`, { cause: error });
  }
}

function fdOf({ programs }: LoadedFile): number {
  return programs[0]!.fd;
}
