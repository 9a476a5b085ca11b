import { hexOf, messageOf } from "../../../src/base/index.ts";
import type { Btf } from "../../../src/btf/index.ts";
import { LoadError, load } from "../../../src/loader/index.ts";
import type { MapSpec, ObjectSpec, ProgramSpec } from "../../../src/object/index.ts";
import { type BpfCommands, Errno, progInfo } from "../../../src/sys/index.ts";
import { BpfMapType, BpfProgType, progTypeNames } from "../../../src/uapi/index.ts";
import { errorLine, processedOf } from "../support/compare.ts";
import { maskXlated } from "../support/mask.ts";
import { LogLevel } from "../support/verifier-answer.ts";

/** Longer programs are not put to the kernel that runs this. */
export const LONGEST_PROGRAM = 4096;
const EPERM = 1;
const NO_VARIABLES = /^ldimm64 failed to find the address for kernel symbol/m;
/** `exit` */
const EXIT = Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0);

/** What a kernel and the loader before it make of one program of an object. */
export interface ProgramVerdict {
  /** 0: accepted; null: the loader refused it before any verifier saw it. */
  readonly errno: number | null;
  /** The verifier's error line, or the loader's problem; empty where it is accepted. */
  readonly message: string;
  /** Instructions that the verifier processed; null where its log does not say. */
  readonly processed: number | null;
  readonly log: string;
  /** After fixups, where it was asked for and the program was accepted. */
  readonly xlated: Uint8Array | null;
  readonly milliseconds: number;
}

/** What both sides load with. */
export interface VerdictOptions {
  readonly kernelBtf: Btf;
  /** The kernel's configuration as text. */
  readonly kconfig: string;
  /** Bits of `LogLevel`; statistics and messages alone unless told. */
  readonly logLevel?: number;
  /** Ask for the program after fixups, too. */
  readonly xlated?: boolean;
}

/** Loads one program of an object and closes it at once; nothing is pinned or attached. */
export function verdictOf(
  spec: ObjectSpec,
  program: ProgramSpec,
  sys: BpfCommands,
  { xlated: wanted, ...options }: VerdictOptions,
): ProgramVerdict {
  const start = performance.now();
  const answer = (
    errno: number | null,
    message: string,
    log: string,
    xlated: Uint8Array | null = null,
  ): ProgramVerdict => {
    const processed = processedOf(log);
    return {
      errno,
      message,
      processed: processed === null ? null : Number(processed),
      log,
      xlated,
      milliseconds: performance.now() - start,
    };
  };
  try {
    using object = load(alone(spec), sys, {
      ...options,
      logLevel: options.logLevel ?? LogLevel.stats,
      autoload: ({ name }) => name === program.name,
    });
    const { fd, log } = object.programs.get(program.name)!;
    const xlated = wanted === true ? progInfo(sys, fd, ["xlatedProgInsns"]).xlatedProgInsns : null;
    return answer(0, "", log, xlated);
  } catch (error) {
    if (!(error instanceof LoadError))
      throw new Error(`${program.name}: ${messageOf(error)}`, { cause: error });
    const { cause, log, part } = error;
    const problem = error.message.split("\n")[0]!.replace(/^object [^:]*: (program [^:]*: )?/, "");
    const judged =
      part.kind === "program" && cause instanceof Errno && cause.message.includes("BPF_PROG_LOAD");
    if (!judged) return answer(null, problem, log);
    // One message has no end of line, and the statistics follow it.
    return answer(
      cause.errno,
      log === "" ? problem : errorLine(log).replace(/verification time .*/, ""),
      log,
    );
  }
}

/**
 * The object as one program of it is loaded: nothing that is pinned, no program array that names the others, nothing
 * written to arenas, which would have to be mapped.
 */
function alone(spec: ObjectSpec): ObjectSpec {
  const maps = new Map<string, MapSpec>();
  for (const [key, map] of spec.maps) {
    const { type } = map;
    maps.set(key, {
      ...map,
      pinning: 0,
      ...(type === BpfMapType.PROG_ARRAY ? { slots: [] } : {}),
      ...(type === BpfMapType.ARENA ? { contents: null } : {}),
    });
  }
  return { ...spec, maps };
}

/** Why a program is not put to a kernel at all; null where it is. */
export function whyLeftOut(program: ProgramSpec, long = false): string | null {
  const { type } = program.kind;
  if (!long && program.insns.length > LONGEST_PROGRAM) return `has ${program.insns.length} instructions`;
  if (type === BpfProgType.UNSPEC) return "its section says no program type";
  if (type === BpfProgType.EXT) return "is for another program";
  return null;
}

/**
 * Why a kernel would take no program of this kind, whatever it does: it lacks the type, or its security policy does not
 * permit it (fentry and LSM, some iterators). Null where the verdict is its verifier's.
 */
export function whyNotHere(
  program: ProgramSpec,
  { errno, log }: ProgramVerdict,
  sys: BpfCommands,
): string | null {
  if (NO_VARIABLES.test(log)) return "this kernel has no addresses of variables (CONFIG_KALLSYMS_ALL)";
  if (errorLine(log) !== "" || errno === null || errno === 0) return null;
  const { type, attachType } = program.kind;
  const name = progTypeNames[type] ?? `programs of type ${type}`;
  if (errno === EPERM) return `this kernel does not permit ${name}`;
  if (log !== "" || program.kind.needsAttachBtf || type === BpfProgType.STRUCT_OPS) return null;
  return reachesVerifier(sys, type, attachType ?? 0) ? null : `this kernel lacks ${name}`;
}

/** Whether a program of this type gets as far as the verifier, which refuses this one in words. */
function reachesVerifier(sys: BpfCommands, progType: number, expectedAttachType: number): boolean {
  try {
    sys.close(sys.progLoad({ progType, expectedAttachType, insns: EXIT, license: "GPL", logLevel: 1 }).fd);
    return true;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return error.log !== "";
  }
}

/** Where the two differ: the first of verdict, error number, message and processed count; null where nowhere. */
export function differenceOf(ours: ProgramVerdict, theirs: ProgramVerdict): string | null {
  if ((ours.errno === 0) !== (theirs.errno === 0)) return "verdict";
  if (ours.errno !== theirs.errno) return "error number";
  if (ours.message !== theirs.message) return "message";
  if (ours.processed !== theirs.processed) return "processed";
  return null;
}

/** Where two answers at level 2 differ, beyond {@link differenceOf}: the first lines of log or program that do. */
export function depthDifferenceOf(ours: ProgramVerdict, theirs: ProgramVerdict): string | null {
  const log = firstDifference(maskedLog(ours.log), maskedLog(theirs.log));
  if (log !== null) return `log at level 2\n    here:  ${log.ours}\n    Linux: ${log.theirs}`;
  if (ours.xlated === null || theirs.xlated === null) return null;
  const program = firstDifference(listing(ours.xlated), listing(theirs.xlated));
  return program === null
    ? null
    : `program after fixups\n    here:  ${program.ours}\n    Linux: ${program.theirs}`;
}

/** One message has no end of line, and the first of these stands behind it. */
const TIMES = /(?:verification time|stack depth) .*/;

/** Without times and the addresses of a kernel's memory, and the blanks that their widths cost. */
function maskedLog(log: string): string[] {
  return log.split("\n").map((line) =>
    line
      .replace(TIMES, "")
      .replaceAll(/0xffff[0-9a-f]{12}/g, "ADDRESS")
      .replace(/ +; /, " ; "),
  );
}

function listing(xlated: Uint8Array): string[] {
  const masked = maskXlated(xlated, { references: [], rights: "all" });
  return Array.from({ length: masked.length / 8 }, (_, slot) =>
    hexOf(masked.subarray(slot * 8, slot * 8 + 8)),
  );
}

function firstDifference(ours: readonly string[], theirs: readonly string[]) {
  for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
    if (ours[i] !== theirs[i]) return { ours: `${i}: ${ours[i]}`, theirs: `${i}: ${theirs[i]}` };
  }
  return null;
}
