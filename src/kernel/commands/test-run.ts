import { BpfProgType, Errno } from "../../uapi/index.ts";
import type { Attr } from "../attr.ts";
import type { Process } from "../process.ts";
import { refuse } from "../refusal.ts";
import type { TestRun } from "../testrun/run.ts";
import { testRunSkb } from "../testrun/skb.ts";
import { testRunRawTracepoint, testRunSyscall } from "../testrun/tracing.ts";
import { testRunXdp } from "../testrun/xdp.ts";

const RUNNERS: ReadonlyMap<number, (run: TestRun) => number> = new Map([
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
  const args = attr.fields("PROG_TEST_RUN");
  if ((args.ctxSizeIn !== 0) !== (args.ctxIn !== 0n)) refuse(Errno.EINVAL);
  if ((args.ctxSizeOut !== 0) !== (args.ctxOut !== 0n)) refuse(Errno.EINVAL);
  const program = process.program(args.progFd);
  if (!process.machine.executes) refuse(Errno.EOPNOTSUPP);
  const runner = RUNNERS.get(program.parts.type) ?? refuse(Errno.ENOTSUPP);
  const { machine } = process;
  return machine.asTask(process.task, () => runner({ process, machine, program, args, attr }));
}
