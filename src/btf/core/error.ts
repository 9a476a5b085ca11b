import { TsbpfError } from "../../base/index.ts";

/** A CO-RE relocation that cannot be calculated: a bad record, or candidates that contradict each other. */
export class CoreError extends TsbpfError {
  override name = "CoreError";
  /** What was to be relocated: `"byte_off struct task_struct.pid (0:4)"`. */
  readonly subject: string;
  readonly problem: string;

  constructor(subject: string, problem: string) {
    super(`CO-RE relocation ${subject}: ${problem}`);
    this.subject = subject;
    this.problem = problem;
  }
}
