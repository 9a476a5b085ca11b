import { BpfAttachType, BpfProgType, Errno } from "../../uapi/index.ts";
import type { Environment } from "../environment/environment.ts";
import { Rejection } from "../environment/rejection.ts";
import { PrivateStack } from "../environment/subprogram.ts";
import { isBpfThrowKfunc } from "../kfuncs/special.ts";
import { MAX_CALL_FRAMES, MAX_STACK } from "../state/limits.ts";
import { isKfuncCall, isPseudoCall, isPseudoFunc } from "./flow-kind.ts";
import { findSubprog, subprogEnd } from "./subprograms.ts";

/** Stack of a function from which on it is worth one of its own (`BPF_PRIV_STACK_MIN_SIZE`). */
const PRIVATE_STACK_MIN = 64;
/** A frame is a multiple of so many bytes, once compiled (`round_up_stack_depth`). */
const FRAME_ALIGNMENT = 16;
/** As for the interpreter, which was reckoned with. */
const FRAME_ALIGNMENT_6_1 = 32;
/** Most stack that callers may have taken where a tail call is reached. */
const TAIL_CALL_STACK = 256;

/** Checks how much stack the functions need together, on each way that calls lead (`check_max_stack_depth`). */
export function checkMaxStackDepth(env: Environment): void {
  const { subprograms } = env;
  const privateStack = !subprograms.some(({ hasTailCall }) => hasTailCall) && enablesPrivateStack(env);
  // Backwards: what asynchronous callbacks call is marked before the entry function's calls are followed.
  for (let i = subprograms.length - 1; i >= 0; i--) {
    if (i === 0 || subprograms[i]!.isAsyncCallback) new StackWalk(env, i, i === 0 && privateStack).check();
  }
}

/** Each function may have its own stack, in memory for each CPU (`bpf_enable_priv_stack` on x86-64). */
function enablesPrivateStack(env: Environment): boolean {
  if (env.release === "6.1") return false;
  switch (env.request.type.type) {
    case BpfProgType.KPROBE:
    case BpfProgType.TRACEPOINT:
    case BpfProgType.PERF_EVENT:
    case BpfProgType.RAW_TRACEPOINT:
      return true;
    case BpfProgType.TRACING:
      return env.request.expectedAttachType !== BpfAttachType.TRACE_ITER;
    default:
      return false;
  }
}

/** One way through the calls from a function: `check_max_stack_depth_subprog`. */
class StackWalk {
  readonly #env: Environment;
  readonly #privateStack: boolean;
  /** Functions that called, and the instruction behind each call. */
  readonly #callers: { readonly subprog: number; readonly next: number }[] = [];
  #subprog: number;
  #depth = 0;
  #tailCallReachable = false;

  constructor(env: Environment, subprog: number, privateStack: boolean) {
    this.#env = env;
    this.#subprog = subprog;
    this.#privateStack = privateStack;
  }

  check(): void {
    const { subprograms } = this.#env;
    let at = this.#enter(this.#subprog);
    for (;;) {
      const end = subprogEnd(this.#env, this.#subprog);
      let callee = -1;
      while (at < end) {
        callee = this.#calleeAt(at++);
        if (callee >= 0) break;
      }
      if (callee >= 0) {
        this.#callers.push({ subprog: this.#subprog, next: at });
        this.#subprog = callee;
        if (subprograms[callee]!.hasTailCall) this.#tailCallReachable = true;
        const frames = this.#callers.length;
        if (frames >= MAX_CALL_FRAMES) {
          this.#refuse(Errno.E2BIG, `the call stack of ${frames} frames is too deep !`);
        }
        at = this.#enter(callee);
        continue;
      }
      if (this.#tailCallReachable) this.#markCallers();
      const caller = this.#callers.pop();
      if (caller === undefined) return;
      const left = subprograms[this.#subprog]!;
      if (left.privateStack !== PrivateStack.ADAPTIVE) this.#depth -= frameSize(this.#env, left.stackDepth);
      this.#subprog = caller.subprog;
      at = caller.next;
    }
  }

  /** @returns the function's first instruction */
  #enter(subprog: number): number {
    const subprogram = this.#env.subprograms[subprog]!;
    if (!this.#privateStack) subprogram.privateStack = PrivateStack.NONE;
    if (subprog !== 0 && subprogram.hasTailCall && this.#depth >= TAIL_CALL_STACK) {
      this.#refuse(
        Errno.EACCES,
        `tail_calls are not allowed when call stack of previous frames is ${this.#depth} bytes. Too large`,
      );
    }
    const own = frameSize(this.#env, subprogram.stackDepth);
    if (this.#privateStack && subprogram.privateStack === PrivateStack.UNKNOWN && own >= PRIVATE_STACK_MIN) {
      subprogram.privateStack = PrivateStack.ADAPTIVE;
    }
    if (subprogram.privateStack === PrivateStack.ADAPTIVE) {
      if (own > MAX_STACK) {
        this.#refuse(Errno.EACCES, `stack size of subprog ${subprog} is ${own}. Too large`);
      }
      return subprogram.start;
    }
    this.#depth += own;
    if (this.#depth > MAX_STACK) {
      const frames = this.#callers.length + 1;
      this.#refuse(Errno.EACCES, `combined stack size of ${frames} calls is ${this.#depth}. Too large`);
    }
    return subprogram.start;
  }

  /** The function that the instruction may call; -1 for none. */
  #calleeAt(at: number): number {
    const env = this.#env;
    const insn = env.insns[at]!;
    if (isKfuncCall(insn) && insn.off === 0) {
      if (isBpfThrowKfunc(env, insn)) this.#checkThrow(at);
      return -1;
    }
    if (!isPseudoCall(insn) && !isPseudoFunc(insn)) return -1;
    const callee = findSubprog(env, at + insn.imm + 1);
    const subprogram = env.subprograms[callee]!;
    if (subprogram.isAsyncCallback) {
      if (subprogram.hasTailCall) {
        this.#refuse(Errno.EFAULT, "verifier bug: subprog has tail_call and async cb");
      }
      // It runs on a stack of its own, unless it is called directly as well.
      if (!isPseudoCall(insn)) return -1;
      if (subprogram.isExceptionCallback) {
        env.log.write(`insn ${at} cannot call exception cb directly`);
        throw new Rejection(Errno.EINVAL, `insn ${at} cannot call exception cb directly`);
      }
    }
    return callee;
  }

  #checkThrow(at: number): void {
    const { subprograms } = this.#env;
    const inCallback =
      subprograms[this.#subprog]!.isCallback ||
      this.#callers.some(({ subprog }) => subprograms[subprog]!.isCallback);
    if (!inCallback) return;
    this.#refuse(
      Errno.EINVAL,
      `bpf_throw kfunc (insn ${at}) cannot be called from callback subprog ${this.#subprog}`,
    );
  }

  /** Compiled functions on the way to a tail call hand the count of tail calls on. */
  #markCallers(): void {
    for (const { subprog } of this.#callers) {
      const subprogram = this.#env.subprograms[subprog]!;
      if (subprogram.isExceptionCallback) {
        this.#refuse(Errno.EINVAL, "cannot tail call within exception cb");
      }
      subprogram.tailCallReachable = true;
    }
  }

  #refuse(errno: number, message: string): never {
    return this.#env.refuse(errno, message);
  }
}

function frameSize({ release }: Environment, depth: number): number {
  if (release === "6.1") return Math.ceil(Math.max(depth, 1) / FRAME_ALIGNMENT_6_1) * FRAME_ALIGNMENT_6_1;
  return Math.ceil(depth / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}
