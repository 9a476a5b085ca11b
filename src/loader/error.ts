import { messageOf, TsbpfError } from "../base/index.ts";
import { Errno } from "../sys/index.ts";
import { VerifierError } from "../verifier/index.ts";

/** The part of an object that a loader was at. */
export type LoadPart =
  | { readonly kind: "map" | "program" | "extern"; readonly name: string }
  | { readonly kind: "btf" | "object" };

/**
 * An object that could not be loaded: `object flow: program count_flows: BPF_PROG_LOAD: …`, with the log where there is
 * one. The cause of a program that the verifier refused is a VerifierError, which explains it.
 */
export class LoadError extends TsbpfError {
  override name = "LoadError";
  readonly object: string;
  readonly part: LoadPart;
  /** What the verifier (or the check of BTF) wrote; empty where nothing did. */
  readonly log: string;

  constructor(object: string, part: LoadPart, problem: string, cause?: unknown) {
    const log = logOf(cause);
    const where = "name" in part ? `${part.kind} ${part.name}: ` : part.kind === "btf" ? "BTF: " : "";
    const text = `object ${object}: ${where}${problem}${log === "" ? "" : `\n${log.trimEnd()}`}`;
    super(text, cause === undefined ? undefined : { cause });
    this.object = object;
    this.part = part;
    this.log = log;
  }
}

function logOf(cause: unknown): string {
  const logged = cause instanceof Errno || cause instanceof VerifierError || cause instanceof LoadError;
  return logged ? cause.log : "";
}

/** Runs `act`; what fails in it is an error about that part of the object. */
export function inPart<T>(object: string, part: LoadPart, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TsbpfError) || error instanceof LoadError) throw error;
    throw new LoadError(object, part, messageOf(error), error);
  }
}
