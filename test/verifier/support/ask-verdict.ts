import { messageOf } from "../../../src/base/index.ts";
import { Errno } from "../../../src/sys/index.ts";
import { errorLine } from "./compare.ts";
import type { KernelVerifier } from "./kernel-verifier.ts";
import { maskLog } from "./mask.ts";
import type { CaseVerdict } from "./verdicts.ts";
import { LogLevel } from "./verifier-answer.ts";
import type { VerifierCase } from "./verifier-case.ts";

/** What a kernel of any release says to a case: it may lack what the case needs before the verifier is asked. */
export async function askVerdict(kernel: KernelVerifier, test: VerifierCase): Promise<CaseVerdict> {
  try {
    const { errno, log } = kernel.verify(test, { logLevel: LogLevel.stats });
    return { errno, line: errorLine(maskLog(log, test, kernel.types)) };
  } catch (error) {
    if (error instanceof Errno || /^the kernel has no /.test(messageOf(error)))
      return { errno: null, line: messageOf(error).split("\n")[0]! };
    throw error;
  }
}
