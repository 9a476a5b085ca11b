import { NotSupported } from "../base/index.ts";
import { KERNEL_RELEASES, kernelRelease } from "../platform/index.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import type { Verdict } from "./verify-verdict.ts";

const REFUSED = 1;
const NOT_VERIFIED = 2;

/** `tsbpf verify OBJECT…`, `tsbpf verify --log FILE [OBJECT]` */
export const run: CommandFunction = async (invocation) => {
  const { words, options } = invocation;
  const version = options.value("kernel-version");
  if (version !== undefined && kernelRelease(version) === null) {
    throw new NotSupported(`the verifier of Linux ${version}`, {
      why: `this version of tsbpf has those of ${KERNEL_RELEASES.join(" and ")}`,
    });
  }
  const log = options.value("log");
  if (log !== undefined && (options.has("stats") || options.has("log-level"))) {
    throw new CommandError("'--log' is not compatible with '--stats' and '--log-level'");
  }
  if (invocation.json && options.has("sarif"))
    throw new CommandError("'--sarif' is not compatible with JSON");
  if (log === undefined && words.count === 0) throw new UsageError("expected an object file, or a log");
  const verdicts = await (log === undefined ? verified(invocation) : explained(invocation, log));
  const { reportVerdicts } = await import("./verify-report.ts");
  await reportVerdicts(invocation, verdicts);
  return statusOf(verdicts);
};

async function explained({ io, words, options }: Invocation, log: string): Promise<readonly Verdict[]> {
  const object = words.count === 0 ? null : words.take();
  words.end();
  const { verdictsOfLog } = await import("./verify-log.ts");
  return await verdictsOfLog(io, { log, object, program: options.value("prog") });
}

async function verified(invocation: Invocation): Promise<readonly Verdict[]> {
  const { words, options } = invocation;
  const { verifyObjects } = await import("./verify-object.ts");
  return await verifyObjects(invocation, {
    paths: words.rest(),
    program: options.value("prog"),
    stats: options.has("stats"),
    logLevel: Number(options.value("log-level") ?? 0),
  });
}

/** A refusal is the verifier's; a program that never came to it says nothing about itself. */
function statusOf(verdicts: readonly Verdict[]): number {
  if (verdicts.some(({ accepted, problem }) => !accepted && problem === null)) return REFUSED;
  return verdicts.every(({ accepted }) => accepted) ? 0 : NOT_VERIFIED;
}
