import type { InsnAux } from "../environment/insn-aux.ts";
import type { Subprogram } from "../environment/subprogram.ts";
import { stackMaskText } from "../explore/backtrack-masks.ts";
import type { VerifierLog } from "../log/verifier-log.ts";
import { MAX_CALL_FRAMES } from "../state/limits.ts";
import type { VerifierState } from "../state/verifier-state.ts";
import type { ControlFlow } from "./control-flow.ts";
import { FunctionInstance, Mask } from "./function-instance.ts";

/** What the analysis looks at of an `Environment`. */
export interface LivenessHost {
  readonly current: VerifierState;
  readonly subprograms: readonly Subprogram[];
  readonly insns: { readonly length: number };
  readonly aux: readonly InsnAux[];
  readonly log: VerifierLog;
  readonly flow: ControlFlow;
}

/**
 * Which stack slots a later instruction may read (`struct bpf_liveness`, kernel/bpf/liveness.c).
 *
 * Instructions are told apart by the calls that lead to them. While states are explored, each notes the slots that it
 * may read and those that it surely writes; {@link update} spreads the notes over the function backwards. What is
 * then known holds for states from which every path was explored.
 */
export class StackLiveness {
  readonly #host: LivenessHost;
  /** Of functions that nothing calls: entry, global ones, asynchronous callbacks. */
  readonly #roots: FunctionInstance[] = [];
  /** That of the current state; null until it is asked for. */
  #current: FunctionInstance | null = null;
  /** Instruction at which {@link markWrite} collects. */
  #writeInsnIdx = 0;
  readonly #writesLow = new Uint32Array(MAX_CALL_FRAMES);
  readonly #writesHigh = new Uint32Array(MAX_CALL_FRAMES);
  /** Of the state that {@link alive} is asked about, by frame. */
  readonly #queried: FunctionInstance[] = [];
  #queryInsnIdx = 0;

  constructor(host: LivenessHost) {
    this.#host = host;
  }

  /** Nothing is known of any function. */
  clear(): void {
    this.#roots.length = 0;
    this.#queried.length = 0;
    this.#current = null;
  }

  /** The current state has another current frame (`bpf_reset_live_stack_callchain`). */
  resetCallchain(): void {
    this.#current = null;
  }

  /** Before an instruction: none of its writes are known (`bpf_reset_stack_write_marks`). */
  resetWriteMarks(insnIdx: number): void {
    this.#resetWrites(this.#ensureCurrent(), insnIdx);
  }

  /** The instruction writes slots `spi`, `spi - 1` … of a frame whole (`bpf_mark_stack_write`). */
  markWrite(frameno: number, spi: number, slots = 1): void {
    for (let i = spi; i > spi - slots; i--) {
      if (i < 32) this.#writesLow[frameno]! |= 1 << i;
      else this.#writesHigh[frameno]! |= 1 << (i - 32);
    }
  }

  /** The instruction may read slots `spi`, `spi - 1` … of a frame (`bpf_mark_stack_read`). */
  markRead(frameno: number, insnIdx: number, spi: number, slots = 1): void {
    let low = 0;
    let high = 0;
    for (let i = spi; i > spi - slots; i--) {
      if (i < 32) low |= 1 << i;
      else high |= 1 << (i - 32);
    }
    this.#ensureCurrent().addReads(frameno, insnIdx, low, high);
  }

  /** Behind an instruction: its writes are complete (`bpf_commit_stack_write_marks`). */
  commitWriteMarks(): void {
    if (this.#current !== null) this.#commitWrites(this.#current);
  }

  /** Spreads what was noted in the functions of the current state (`bpf_update_live_stack`). */
  update(): void {
    this.#current = null;
    const state = this.#host.current;
    for (let frame = state.curframe; frame >= 0; frame--) {
      const instance = this.#lookup(state, frame);
      if (!instance.updated) continue;
      this.#spread(instance);
      instance.updated = false;
      instance.mustWriteDropped = false;
    }
  }

  /** From now on {@link alive} is about this state (`bpf_live_stack_query_init`). */
  query(state: VerifierState): void {
    this.#queried.length = 0;
    for (let frame = 0; frame < state.frames.length; frame++) {
      this.#queried.push(this.#lookup(state, frame));
    }
    this.#queryInsnIdx = state.insnIdx;
  }

  /** Whether the slot may be read before it is written again (`bpf_stack_slot_alive`). */
  alive(frameno: number, spi: number): boolean {
    const innermost = this.#queried.length - 1;
    if (this.#queried[innermost]!.isLiveBefore(this.#queryInsnIdx, frameno, spi)) return true;
    for (let frame = frameno; frame < innermost; frame++) {
      const { callsite } = this.#queried[frame + 1]!;
      const after = this.#host.aux[callsite]!.callsCallback ? callsite : callsite + 1;
      if (this.#queried[frame]!.isLiveBefore(after, frameno, spi)) return true;
    }
    return false;
  }

  #ensureCurrent(): FunctionInstance {
    const state = this.#host.current;
    return (this.#current ??= this.#lookup(state, state.curframe));
  }

  #lookup(state: VerifierState, frameno: number): FunctionInstance {
    let outer: FunctionInstance | null = null;
    let instances = this.#roots;
    for (let i = 0; ; i++) {
      const frame = state.frames[i]!;
      const { subprogno } = frame;
      const callsite = i === 0 ? -1 : frame.callsite;
      let instance = instances.find((known) => known.callsite === callsite && known.subprogno === subprogno);
      if (instance === undefined) {
        const { subprograms, insns } = this.#host;
        const { start } = subprograms[subprogno]!;
        const end = subprograms[subprogno + 1]?.start ?? insns.length;
        instance = new FunctionInstance(outer, callsite, subprogno, start, end - start);
        instances.push(instance);
      }
      if (i === frameno) return instance;
      outer = instance;
      instances = instance.inner;
    }
  }

  #resetWrites(instance: FunctionInstance, insnIdx: number): void {
    this.#writeInsnIdx = insnIdx;
    for (let frame = 0; frame <= instance.depth; frame++) {
      this.#writesLow[frame] = 0;
      this.#writesHigh[frame] = 0;
    }
  }

  #commitWrites(instance: FunctionInstance): void {
    const insnIdx = this.#writeInsnIdx;
    const seen = instance.seenWrites(insnIdx);
    for (let frame = 0; frame <= instance.depth; frame++) {
      const low = this.#writesLow[frame]!;
      const high = this.#writesHigh[frame]!;
      if ((low | high) !== 0 || seen) instance.meetWrites(frame, insnIdx, low, high);
    }
    instance.setSeenWrites(insnIdx);
  }

  /** Solves the data flow equations of one function (`update_instance`). */
  #spread(instance: FunctionInstance): void {
    const { log, flow, subprograms } = this.#host;
    if (instance.mustWriteDropped) instance.forgetAccumulatedWrites();
    const from = subprograms[instance.subprogno]!.postorderStart;
    const to = subprograms[instance.subprogno + 1]?.postorderStart ?? flow.postorder.length;
    let rounds = 0;
    let changed: boolean;
    do {
      rounds++;
      changed = false;
      for (let frame = 0; frame <= instance.depth; frame++) {
        if (!instance.hasMasks(frame)) continue;
        for (let i = from; i < to; i++) {
          if (this.#updateInsn(instance, frame, flow.postorder[i]!)) changed = true;
        }
      }
    } while (changed);
    if (log.level2) log.write(`${instance.text} live stack update done in ${rounds} iterations\n`);
    if (instance.outer !== null) this.#propagateToOuter(instance, instance.outer);
  }

  #updateInsn(instance: FunctionInstance, frame: number, insnIdx: number): boolean {
    const { flow, log, aux } = this.#host;
    const first = flow.first(insnIdx);
    if (first < 0) return false;
    if (!log.level2) return instance.spreadTo(frame, insnIdx, first, flow.second(insnIdx));
    const told = aux[insnIdx]!.prunePoint || insnIdx === instance.start || instance.isMarked(frame, insnIdx);
    const live = told ? instance.mask(Mask.LIVE_BEFORE, frame, insnIdx) : null;
    const written = told ? instance.mask(Mask.MUST_WRITE_ACC, frame, insnIdx) : null;
    const changed = instance.spreadTo(frame, insnIdx, first, flow.second(insnIdx));
    if (live !== null && written !== null) {
      const at = `${instance.text} frame ${frame} insn ${insnIdx} `;
      logMaskChange(log, at, "live", live, instance.mask(Mask.LIVE_BEFORE, frame, insnIdx));
      logMaskChange(log, at, "written", written, instance.mask(Mask.MUST_WRITE_ACC, frame, insnIdx));
    }
    return changed;
  }

  /** What a function does to the stacks of its callers is done by the call (`propagate_to_outer_instance`). */
  #propagateToOuter(instance: FunctionInstance, outer: FunctionInstance): void {
    const { callsite, start } = instance;
    this.#resetWrites(outer, callsite);
    for (let frame = 0; frame < instance.depth; frame++) {
      if (!instance.hasMasks(frame)) continue;
      const [writesLow, writesHigh] = instance.mask(Mask.MUST_WRITE_ACC, frame, start);
      this.#writesLow[frame]! |= writesLow;
      this.#writesHigh[frame]! |= writesHigh;
      const [readsLow, readsHigh] = instance.mask(Mask.LIVE_BEFORE, frame, start);
      outer.addReads(frame, callsite, readsLow, readsHigh);
    }
    this.#commitWrites(outer);
  }
}

type MaskPair = readonly [low: number, high: number];

function logMaskChange(log: VerifierLog, at: string, name: string, before: MaskPair, after: MaskPair): void {
  const low = before[0] ^ after[0];
  const high = before[1] ^ after[1];
  if ((low | high) === 0) return;
  let text = at;
  if ((low & after[0]) !== 0 || (high & after[1]) !== 0) {
    text += `+${name} ${stackMaskText(low & after[0], high & after[1])} `;
  }
  if ((low & ~after[0]) !== 0 || (high & ~after[1]) !== 0) {
    text += `-${name} ${stackMaskText(low & ~after[0], high & ~after[1])}`;
  }
  log.write(`${text}\n`);
}
