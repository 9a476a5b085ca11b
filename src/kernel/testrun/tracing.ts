import { Errno } from "../../uapi/index.ts";
import type { Parts } from "../parts.ts";
import { refuse } from "../refusal.ts";
import { refuseUnused, type TestRun } from "./run.ts";

const RAW_TP_ARGS_MAX = 12 * 8;
const SYSCALL_CONTEXT_MAX = 0xffff;
const TEST_RUN_ON_CPU = 1;

/** `bpf_prog_test_run_raw_tp`: the context is the array of the tracepoint's arguments. */
export function* testRunRawTracepoint(run: TestRun): Parts<number> {
  const { args, machine, process, program, attr } = run;
  refuseUnused(args, ["dataIn", "dataOut", "ctxOut", "duration", "repeat", "batchSize"]);
  if (args.ctxSizeIn < program.parts.maxContextOffset || args.ctxSizeIn > RAW_TP_ARGS_MAX)
    refuse(Errno.EINVAL);
  if ((args.flags & TEST_RUN_ON_CPU) === 0 && args.cpu !== 0) refuse(Errno.EINVAL);
  if (args.cpu >= machine.cpus) refuse(Errno.ENXIO);
  const given = process.read(args.ctxIn, args.ctxSizeIn).slice();
  const retval = machine.onCpu(args.cpu, () =>
    machine.withRegion(Math.max(given.length, 8), "tracepoint arguments", (context) => {
      machine.memory.bytes().set(given, context);
      return machine.run(program, context);
    }),
  );
  attr.put("PROG_TEST_RUN", "retval", retval >>> 0);
  return 0;
}

/** `bpf_prog_test_run_syscall`: the context is a struct of the program's own, which it may change. */
export function* testRunSyscall(run: TestRun): Parts<number> {
  const { args, machine, process, program, attr } = run;
  refuseUnused(args, ["dataIn", "dataOut", "ctxOut", "duration", "repeat", "flags", "batchSize"]);
  if (args.ctxSizeIn < program.parts.maxContextOffset || args.ctxSizeIn > SYSCALL_CONTEXT_MAX)
    refuse(Errno.EINVAL);
  const context = args.ctxSizeIn === 0 ? new Uint8Array(0) : process.read(args.ctxIn, args.ctxSizeIn).slice();
  const retval = machine.withRegion(Math.max(context.length, 8), "context", (offset) => {
    machine.memory.bytes().set(context, offset);
    const result = machine.run(program, offset);
    context.set(machine.memory.bytes().subarray(offset, offset + context.length));
    return result;
  });
  if (context.length > 0) process.write(args.ctxIn, context);
  attr.put("PROG_TEST_RUN", "retval", retval >>> 0);
  return 0;
}
