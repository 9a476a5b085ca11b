import { CallKind, isWide, slotsOf } from "../../isa/index.ts";
import { HELPER_PROTOTYPES, KfuncFlag } from "../../platform/index.ts";
import { Errno } from "../../uapi/index.ts";
import { helperSignature } from "../calls/helper-signature.ts";
import type { Environment } from "../environment/environment.ts";
import type { InsnAux } from "../environment/insn-aux.ts";
import { Rejection } from "../environment/rejection.ts";
import type { Subprogram } from "../environment/subprogram.ts";
import { fetchKfuncMeta, isIterNextKfunc } from "../kfuncs/kfunc-meta.ts";
import { SpecialKfunc } from "../kfuncs/special-kfunc.ts";
import { verboseLinfo } from "../log/insn-text.ts";
import { isAsyncCallbackCallingInsn, isSyncCallbackCallingInsn } from "./callback-calls.ts";
import { ControlFlow } from "./control-flow.ts";
import {
  FlowKind,
  flowKind,
  isHelperCall,
  isIndirectJump,
  isKfuncCall,
  isMayGoto,
  isPseudoFunc,
  jmpOffset,
} from "./flow-kind.ts";
import { findContainingSubprog } from "./subprograms.ts";

/** State of an instruction: found, and which of its edges were followed; or done with. */
const DISCOVERED = 0x10;
const EXPLORED = 0x20;
const FALLTHROUGH = 1;
const BRANCH = 2;
type Edge = typeof FALLTHROUGH | typeof BRANCH;

/**
 * Walks the program depth first: marks where states are compared and cached and where paths are noted, sums up what
 * functions do, and refuses instructions that nothing leads to and, without CAP_BPF, loops (`check_cfg`). The order
 * of the walk is the kernel's, for it decides which message comes first.
 */
export function checkCfg(env: Environment): void {
  const walk = new CfgWalk(env);
  walk.from(0);
  if (env.exceptionCallback !== 0) walk.from(env.subprograms[env.exceptionCallback]!.start);
  walk.checkReached();
  env.flow = new ControlFlow(env.insns);
  // They were asked for before it was known what the program attaches to.
  env.helperSignatures.clear();
}

class CfgWalk {
  readonly #env: Environment;
  readonly #state: Uint8Array;
  readonly #stack: Int32Array;
  #depth = 0;

  constructor(env: Environment) {
    this.#env = env;
    this.#state = new Uint8Array(env.insns.length);
    this.#stack = new Int32Array(env.insns.length);
  }

  from(start: number): void {
    const state = this.#state;
    if (state[start] === EXPLORED) return;
    state[start] = DISCOVERED;
    this.#stack[0] = start;
    this.#depth = 1;
    while (this.#depth > 0) {
      const at = this.#stack[this.#depth - 1]!;
      if (this.#visit(at)) continue;
      state[at] = EXPLORED;
      this.#depth--;
    }
  }

  checkReached(): void {
    const { insns } = this.#env;
    for (let i = 0; i < insns.length; i++) {
      if (this.#state[i] !== EXPLORED) this.#env.refuse(Errno.EINVAL, `unreachable insn ${i}`);
      if (!isWide(insns[i]!)) continue;
      if (this.#state[i + 1] !== 0) {
        this.#env.refuse(Errno.EINVAL, `jump into the middle of ldimm64 insn ${i}`);
      }
      i++;
    }
  }

  /** @returns whether an edge led to a new instruction, which comes first (`visit_insn`) */
  #visit(at: number): boolean {
    const insn = this.#env.insns[at]!;
    if (isPseudoFunc(insn)) return this.#visitCall(at, true);
    switch (flowKind(insn)) {
      case FlowKind.NEXT:
        return this.#push(at, at + slotsOf(insn), FALLTHROUGH);
      case FlowKind.EXIT:
        return false;
      case FlowKind.CALL:
        this.#markCall(at);
        return this.#visitCall(at, insn.src === CallKind.local);
      case FlowKind.JUMP: {
        if (isIndirectJump(insn)) throw new Rejection(Errno.EINVAL, "");
        const target = (at + jmpOffset(insn) + 1) | 0;
        if (this.#push(at, target, FALLTHROUGH)) return true;
        this.#markTarget(target);
        return false;
      }
      default:
        this.#aux(at).prunePoint = true;
        if (isMayGoto(insn)) this.#aux(at).forceCheckpoint = true;
        return this.#push(at, at + 1, FALLTHROUGH) || this.#push(at, at + insn.off + 1, BRANCH);
    }
  }

  /** `visit_func_call_insn` */
  #visitCall(at: number, visitCallee: boolean): boolean {
    const insn = this.#env.insns[at]!;
    const next = at + slotsOf(insn);
    if (this.#push(at, next, FALLTHROUGH)) return true;
    // Where a function returns to, the path is not a straight line.
    this.#markTarget(next);
    if (!visitCallee) return false;
    const callee = at + insn.imm + 1;
    this.#aux(at).prunePoint = true;
    this.#mergeCalleeEffects(at, callee);
    // 6.18 finds recursion only by following calls.
    return this.#push(at, callee, BRANCH, this.#env.release !== "6.1" || isPseudoFunc(insn));
  }

  /** Follows an edge (`push_insn`). */
  #push(at: number, target: number, edge: Edge, mayLoop = true): boolean {
    const env = this.#env;
    const state = this.#state;
    if (state[at]! >= (DISCOVERED | edge)) return false;
    if (target < 0 || target >= env.insns.length) {
      verboseLinfo(env, at, `${at}: `);
      env.refuse(Errno.EINVAL, `jump out of range from insn ${at} to ${target}`);
    }
    if (edge === BRANCH) this.#markTarget(target);
    if (state[target] === 0) {
      state[at] = DISCOVERED | edge;
      state[target] = DISCOVERED;
      if (this.#depth >= env.insns.length) throw new Rejection(Errno.E2BIG, "");
      this.#stack[this.#depth++] = target;
      return true;
    }
    if ((state[target]! & 0xf0) === DISCOVERED) {
      if (mayLoop && env.bpfCapable) return false;
      verboseLinfo(env, at, `${at}: `);
      verboseLinfo(env, target, `${target}: `);
      env.refuse(Errno.EINVAL, `back-edge from insn ${at} to ${target}`);
    }
    state[at] = DISCOVERED | edge;
    return false;
  }

  /** What a call means for the walk over states, and for the function that it stands in. */
  #markCall(at: number): void {
    const env = this.#env;
    const insn = env.insns[at]!;
    const aux = this.#aux(at);
    if (isAsyncCallbackCallingInsn(env, insn)) aux.prunePoint = true;
    if (isSyncCallbackCallingInsn(env, insn)) {
      aux.callsCallback = true;
      aux.forceCheckpoint = true;
      aux.prunePoint = true;
      aux.jmpPoint = true;
    }
    if (isHelperCall(insn)) {
      const prototype = helperSignature(env, insn.imm)?.prototype;
      if (prototype?.mightSleep === true) this.#subprogram(at).mightSleep = true;
      // Linux asks by number alone: also of a helper that this type may not call (`bpf_helper_changes_pkt_data`).
      if (HELPER_PROTOTYPES.get(insn.imm)?.changesPacket === true) this.#subprogram(at).changesPacket = true;
    } else if (isKfuncCall(insn)) {
      const meta = fetchKfuncMeta(env, insn);
      if (meta === null) return;
      if (isIterNextKfunc(meta)) {
        aux.prunePoint = true;
        aux.forceCheckpoint = true;
      }
      if (meta.has(KfuncFlag.SLEEPABLE)) this.#subprogram(at).mightSleep = true;
      if (meta.special === SpecialKfunc.bpf_xdp_pull_data) this.#subprogram(at).changesPacket = true;
    }
  }

  #mergeCalleeEffects(at: number, target: number): void {
    const caller = this.#subprogram(at);
    const callee = this.#subprogram(target);
    caller.changesPacket ||= callee.changesPacket;
    caller.mightSleep ||= callee.mightSleep;
  }

  #markTarget(at: number): void {
    const aux = this.#aux(at);
    aux.prunePoint = true;
    aux.jmpPoint = true;
  }

  #aux(at: number): InsnAux {
    return this.#env.aux[at]!;
  }

  #subprogram(at: number): Subprogram {
    return this.#env.subprograms[findContainingSubprog(this.#env, at)]!;
  }
}
