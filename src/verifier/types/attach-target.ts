import { type Btf, BtfKind } from "../../btf/index.ts";
import { canBeSleepable } from "../../platform/index.ts";
import { BpfAttachType as A, Errno, BpfProgType as P } from "../../uapi/index.ts";
import type { Attachment } from "../environment/attachment.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import type { TargetProgram } from "../environment/request.ts";
import { checkTypeMatch } from "./function-match.ts";
import { checkFuncModel } from "./function-model.ts";
import { checkIterator, checkLsm, checkModifiable, checkSleepable, checkTracing } from "./hooks.ts";
import { checkStructOps } from "./struct-ops.ts";

const RAW_TRACEPOINT_PREFIX = "btf_trace_";

/** Program types that attach to a function known by its types. */
const TARGETED: ReadonlySet<number> = new Set([P.TRACING, P.LSM, P.EXT]);

/** What the program attaches to exists and fits it (`check_attach_btf_id`); the answer is kept in `env.attach`. */
export function checkAttachBtfId(env: Environment): void {
  const { type, expectedAttachType } = env.request;
  if (type.type === P.SYSCALL) {
    if (!env.sleepable) env.refuse(Errno.EINVAL, "Syscall programs can only be sleepable");
    return;
  }
  if (env.sleepable && !canBeSleepable(type.type, expectedAttachType, env.release)) {
    env.refuse(Errno.EINVAL, sleepableProblem(env));
  }
  if (type.type === P.STRUCT_OPS) {
    env.attach = checkStructOps(env);
    return;
  }
  if (!TARGETED.has(type.type)) return;
  const target = checkAttachTarget(env);
  env.attach = target;
  if (expectedAttachType === A.TRACE_RAW_TP) return;
  if (expectedAttachType === A.TRACE_ITER) env.attach = checkIterator(target);
  else if (type.type === P.LSM) checkLsm(env, target);
  else checkTracing(env, target);
}

function sleepableProblem({ release, request }: Environment): string {
  if (release === "6.18") {
    return "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable";
  }
  return request.type.type === P.LSM
    ? "BPF_LSM_CGROUP programs cannot be sleepable"
    : "Only fentry/fexit/fmod_ret, lsm, and kprobe/uprobe programs can be sleepable";
}

/** `bpf_check_attach_target` */
function checkAttachTarget(env: Environment): Attachment {
  const { type, attach, expectedAttachType } = env.request;
  const btfId = attach?.btfId ?? 0;
  const program = attach?.program ?? null;
  if (btfId === 0) return env.refuse(Errno.EINVAL, "Tracing programs must provide btf_id");
  const btf = program === null ? (attach?.btf ?? env.request.kernel.btf) : program.btf;
  if (btf === null) {
    return env.refuse(
      Errno.EINVAL,
      "FENTRY/FEXIT program can only be attached to another program annotated with BTF",
    );
  }
  if (!btf.has(btfId)) env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} is invalid`);
  const name = btf.name(btfId);
  const subprogno = program === null ? -1 : checkTargetProgram(env, program, { btfId, name });
  if (program === null && type.type === P.EXT) {
    env.refuse(Errno.EINVAL, "Cannot replace kernel functions");
  }
  const target = { btf, btfId, program, subprogno, name };
  const known = {
    btf,
    btfId,
    program,
    resolvedType: type.type === P.EXT && program !== null ? program.type : type,
    expectedAttachType:
      type.type === P.EXT && program !== null ? program.expectedAttachType : expectedAttachType,
    arguments: [],
  };
  if (expectedAttachType === A.TRACE_RAW_TP) {
    const functionName = name.slice(RAW_TRACEPOINT_PREFIX.length);
    const prototype = rawTracepoint(env, target);
    return { ...known, functionName, prototype, btfTrace: true, address: 0n };
  }
  const { prototype, address } = targetFunction(env, target);
  return { ...known, functionName: name, prototype, btfTrace: false, address };
}

interface Target {
  readonly btf: Btf;
  readonly btfId: number;
  readonly program: TargetProgram | null;
  readonly subprogno: number;
  readonly name: string;
}

/** A program as target; gives the number of the subprogram that is meant. */
function checkTargetProgram(
  env: Environment,
  program: TargetProgram,
  { btfId, name }: { readonly btfId: number; readonly name: string },
): number {
  const extension = env.request.type.type === P.EXT;
  const refuse = (message: string): never => env.refuse(Errno.EINVAL, message);
  const subprogno = program.functions.findIndex((record) => record.typeId === btfId);
  const subprogram = program.subprograms[subprogno];
  if (subprogram === undefined) return refuse(`Subprog ${name} doesn't exist`);
  if (subprogram.exceptionCallback) {
    refuse(`${extension ? "Extension" : "FENTRY/FEXIT"} programs cannot attach to exception callback`);
  }
  if (extension) {
    if (subprogram.unreliable) refuse("Cannot replace static functions");
    const own = env.subprograms[0]!;
    if (own.changesPacket && !subprogram.changesPacket) {
      refuse("Extension program changes packet data, while original does not");
    }
    if (own.mightSleep && !subprogram.mightSleep) {
      refuse("Extension program may sleep, while original does not");
    }
  }
  if (!program.jited) refuse("Can attach to only JITed progs");
  if (env.request.type.type === P.TRACING && env.release !== "6.1") {
    if (program.attachedToProgram) refuse("Cannot nest tracing program attach more than once");
  } else if (program.type.type === env.request.type.type) {
    refuse("Cannot recursively attach");
  }
  const probes =
    program.expectedAttachType === A.TRACE_FENTRY || program.expectedAttachType === A.TRACE_FEXIT;
  if (program.type.type === P.TRACING && extension && probes) refuse("Cannot extend fentry/fexit");
  return subprogno;
}

/** The prototype of a raw tracepoint: that of the function made for its template, whose arguments have names. */
function rawTracepoint(env: Environment, { btf, btfId, program, name }: Target): number {
  if (program !== null) {
    env.refuse(Errno.EINVAL, "Only FENTRY/FEXIT progs are attachable to another BPF prog");
  }
  if (btf.kind(btfId) !== BtfKind.TYPEDEF) {
    env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} is not a typedef`);
  }
  if (!name.startsWith(RAW_TRACEPOINT_PREFIX)) {
    env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} points to wrong type name ${name}`);
  }
  const pointer = btf.ref(btfId);
  const plain = btf.kind(pointer) === BtfKind.PTR ? btf.ref(pointer) : 0;
  if (btf.kind(plain) !== BtfKind.FUNC_PROTO) throw new Rejection(Errno.EINVAL, "");
  const template = btf.findByName(`__bpf_trace_${name.slice(RAW_TRACEPOINT_PREFIX.length)}`, BtfKind.FUNC);
  return template === 0 ? plain : btf.ref(template);
}

function targetFunction(env: Environment, target: Target): { prototype: number; address: bigint } {
  const { type, expectedAttachType, kernel } = env.request;
  const { btf, btfId, program, subprogno, name } = target;
  const isIterator = expectedAttachType === A.TRACE_ITER;
  if (!isIterator && !FUNCTION_TARGETS.has(expectedAttachType) && type.type !== P.EXT) {
    throw new Rejection(Errno.EINVAL, "");
  }
  if (btf.kind(btfId) !== BtfKind.FUNC) {
    env.refuse(Errno.EINVAL, `attach_btf_id ${btfId} is not a function`);
  }
  if (type.type === P.EXT) checkTypeMatch(env, btf, btfId);
  let prototype = btf.ref(btfId);
  if (btf.kind(prototype) !== BtfKind.FUNC_PROTO) throw new Rejection(Errno.EINVAL, "");
  if (program?.subprograms[subprogno]?.unreliable === true) prototype = 0;
  checkFuncModel(env, btf, prototype, name);
  if (isIterator) return { prototype, address: 0n };
  const address = program === null ? kernel.symbolAddress(name) : 0n;
  if (address === null) {
    return env.refuse(Errno.ENOENT, `The address of function ${name} cannot be found`);
  }
  if (env.sleepable) checkSleepable(env, name);
  else if (expectedAttachType === A.MODIFY_RETURN) {
    if (program !== null) env.refuse(Errno.EINVAL, "can't modify return codes of BPF programs");
    checkModifiable(env, name);
  }
  return { prototype, address };
}

const FUNCTION_TARGETS: ReadonlySet<number> = new Set([
  A.MODIFY_RETURN,
  A.LSM_MAC,
  A.LSM_CGROUP,
  A.TRACE_FENTRY,
  A.TRACE_FEXIT,
]);
