import { LoadError, type LoadedObject, load } from "../loader/index.ts";
import { type ObjectSpec, open, type ProgramSpec } from "../object/index.ts";
import { Errno, type MapInfo, mapInfo } from "../sys/index.ts";
import { BpfMapType, Errno as E } from "../uapi/index.ts";
import { VerifierError } from "../verifier/index.ts";
import { CommandError } from "./failure.ts";
import type { CliIo, OpenKernel, Output } from "./io.ts";

/** An object that was loaded into a kernel. */
export interface LoadedFile {
  readonly spec: ObjectSpec;
  readonly object: LoadedObject;
  readonly programs: readonly { readonly name: string; readonly fd: number; readonly spec: ProgramSpec }[];
  readonly maps: readonly { readonly name: string; readonly fd: number; readonly info: MapInfo }[];
}

/** What of an object is loaded. */
export interface LoadRequest {
  /** Only this program; else all that load unless asked. */
  readonly name?: string;
  /** No programs but those that stand in program arrays. */
  readonly mapsOnly?: boolean;
  /** Show the verifier's whole log where it refuses a program. */
  readonly debug?: boolean;
  /** Where warnings go; nowhere without it. */
  readonly warnings?: Output;
}

/** Opens an object file. `@throws` ObjectError, FileError. */
export async function openObject(io: CliIo, path: string): Promise<ObjectSpec> {
  return open(await io.readFile(path), { name: path });
}

/** Loads an object file. */
export async function loadFile(
  io: CliIo,
  kernel: OpenKernel,
  path: string,
  request: LoadRequest,
): Promise<LoadedFile> {
  return loadSpec(kernel, path, await openObject(io, path), { ...request, warnings: io.stderr });
}

/** Loads an opened object. It is closed with the kernel. */
export function loadSpec(
  kernel: OpenKernel,
  path: string,
  spec: ObjectSpec,
  request: LoadRequest,
): LoadedFile {
  const { name, mapsOnly } = request;
  if (name !== undefined && !spec.programs.has(name)) {
    const names = [...spec.programs.keys()].join(", ");
    throw new CommandError(`${path}: has no program '${name}', but ${names === "" ? "none" : names}`);
  }
  if (mapsOnly !== true && spec.programs.size === 0) throw new CommandError(`${path}: has no programs`);
  const targets = tailCallTargets(spec);
  const btf = asksForTypes(spec) ? kernel.targetBtf() : null;
  const object = inKernel(path, request, () =>
    load(spec, kernel.sys, {
      warn: (problem) => request.warnings?.write(`Warning: ${path}: ${problem}\n`),
      ...(btf === null ? {} : { kernelBtf: btf }),
      ...(name === undefined && mapsOnly !== true
        ? {}
        : { autoload: (program: ProgramSpec) => program.name === name || targets.has(program.name) }),
    }),
  );
  return {
    spec,
    object,
    programs: [...object.programs.values()]
      .filter((program) => name === undefined || program.name === name)
      .map(({ name: each, fd, spec: program }) => ({ name: each, fd, spec: program })),
    maps: [...object.maps].map(([key, { fd }]) => ({ name: key, fd, info: mapInfo(kernel.sys, fd) })),
  };
}

/** Programs that a program array holds from the start: whoever loads the map has to load them. */
function tailCallTargets(spec: ObjectSpec): ReadonlySet<string> {
  const arrays = [...spec.maps.values()].filter(({ type }) => type === BpfMapType.PROG_ARRAY);
  return new Set(arrays.flatMap(({ slots }) => slots.map(({ target }) => target)));
}

/** Whether loading will look at the kernel's types. */
function asksForTypes(spec: ObjectSpec): boolean {
  const relocated = [...spec.programs.values()].some((program) => program.coreRelocations.length > 0);
  return relocated || spec.externs.some((extern) => extern.kind !== "kconfig");
}

const LOG_LINES = 8;

/** A refused program's log belongs to the message: its end, or all of it with -d. */
function inKernel<T>(path: string, request: LoadRequest, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof LoadError) || error.log === "") throw error;
    const log = error.log.trimEnd();
    const lines = log.split("\n");
    const shown = request.debug === true ? lines : lines.slice(-LOG_LINES);
    const notes: string[] = [];
    if (shown.length < lines.length) notes.push(`the end of ${lines.length} lines of log; -d shows all`);
    // What this kernel cannot run, the verifier may accept.
    const refused = error.cause instanceof VerifierError && !isUnsupported(error.cause);
    if (error.part.kind === "program" && refused)
      notes.push(`'tsbpf verify ${path} --prog ${error.part.name}' explains it`);
    // The message ends with the whole log.
    const what = error.message.slice(0, error.message.length - log.length).trimEnd();
    throw new CommandError([what, ...shown, ...notes.map((note) => `(${note})`)].join("\n"), {
      cause: error,
    });
  }
}

function isUnsupported({ cause }: VerifierError): boolean {
  return cause instanceof Errno && cause.errno === E.EOPNOTSUPP;
}
