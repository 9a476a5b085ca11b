import { NotSupported } from "../base/index.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, UsageError } from "./failure.ts";
import type { Verdict } from "./verify-object.ts";

/** Whose verifier it is. */
const VERSION = "6.18";

/** `tsbpf verify OBJECT …`, `tsbpf verify --log FILE [OBJECT]` */
export const run: CommandFunction = async (invocation) => {
  const { words, options } = invocation;
  const version = options.value("kernel-version");
  if (version !== undefined && version !== VERSION) {
    throw new NotSupported(`the verifier of Linux ${version}`, {
      why: `this version of tsbpf has that of ${VERSION}`,
    });
  }
  const log = options.value("log");
  if (log !== undefined && (options.has("stats") || options.has("log-level"))) {
    throw new CommandError("'--log' is not compatible with '--stats' and '--log-level'");
  }
  if (log === undefined && words.count === 0) throw new UsageError("expected an object file, or a log");
  const path = words.count === 0 ? null : words.take();
  words.end();
  const verdicts = await verdictsOf(invocation, log, path);
  const { reportVerdicts } = await import("./verify-report.ts");
  await reportVerdicts(invocation, verdicts);
  return verdicts.some(({ accepted }) => !accepted) ? 1 : 0;
};

async function verdictsOf(
  invocation: Invocation,
  log: string | undefined,
  path: string | null,
): Promise<readonly Verdict[]> {
  const { options } = invocation;
  const program = options.value("prog");
  if (log !== undefined) {
    const { verdictsOfLog } = await import("./verify-log.ts");
    return await verdictsOfLog(invocation.io, { log, object: path, program });
  }
  const { verifyObject } = await import("./verify-object.ts");
  return await verifyObject(invocation, {
    path: path!,
    program,
    stats: options.has("stats"),
    logLevel: Number(options.value("log-level") ?? 0),
  });
}
