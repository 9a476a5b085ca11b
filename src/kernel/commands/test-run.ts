import { BpfProgType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import { type Parts, whole } from "../parts.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import type { RunControl, TestRun } from "../testrun/run.ts";
import { testRunSkb } from "../testrun/skb.ts";
import { testRunRawTracepoint, testRunSyscall } from "../testrun/tracing.ts";
import { testRunXdp } from "../testrun/xdp.ts";

type Runner = (run: TestRun) => Parts<number>;

const RUNNERS: ReadonlyMap<number, Runner> = new Map<number, Runner>([
  [BpfProgType.SOCKET_FILTER, testRunSkb],
  [BpfProgType.SCHED_CLS, testRunSkb],
  [BpfProgType.SCHED_ACT, testRunSkb],
  [BpfProgType.CGROUP_SKB, testRunSkb],
  [BpfProgType.LWT_IN, testRunSkb],
  [BpfProgType.LWT_OUT, testRunSkb],
  [BpfProgType.LWT_XMIT, testRunSkb],
  [BpfProgType.LWT_SEG6LOCAL, testRunSkb],
  [BpfProgType.XDP, testRunXdp],
  [BpfProgType.RAW_TRACEPOINT, testRunRawTracepoint],
  [BpfProgType.SYSCALL, testRunSyscall],
]);

/** `bpf_prog_test_run` in kernel/bpf/syscall.c. */
export function progTestRun(process: Process, attr: Attr): number {
  const control = { runs: 0, goesOn: () => true };
  return process.machine.asTask(process.task, () => whole(testRunInParts(process, attr, control)));
}

/** The same in parts: what is done between them is told to `control`. */
export function* testRunInParts(process: Process, attr: Attr, control: RunControl): Parts<number> {
  const args = attr.fields("PROG_TEST_RUN");
  if ((args.ctxSizeIn !== 0) !== (args.ctxIn !== 0n)) refuse(Errno.EINVAL);
  if ((args.ctxSizeOut !== 0) !== (args.ctxOut !== 0n)) refuse(Errno.EINVAL);
  const program = process.program(args.progFd);
  if (!process.machine.executes) refuse(Errno.EOPNOTSUPP);
  const runner = RUNNERS.get(program.parts.type) ?? refuse(Errno.ENOTSUPP);
  const { machine } = process;
  // What the run that pauses has laid out is not to be touched.
  if (machine.pausing) refuse(Errno.EBUSY);
  program.get();
  try {
    return yield* runner({ process, machine, program, args, attr, control });
  } finally {
    program.put();
  }
}
