import { describe, expect, it } from "vitest";
import { Errno } from "../../../src/uapi/index.ts";
import { clearAllPktPointers, invalidateNonOwningRefs } from "../../../src/verifier/calls/invalidate.ts";
import { checkResourceLeak } from "../../../src/verifier/calls/leaks.ts";
import {
  acquireIrqState,
  acquireLockState,
  acquireReference,
  findLockState,
  releaseIrqState,
  releaseLockState,
  releaseReference,
} from "../../../src/verifier/calls/references.ts";
import { RefType } from "../../../src/verifier/state/reference.ts";
import { RegType, TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import { SlotType, StackSlot } from "../../../src/verifier/state/stack-slot.ts";
import { point, refusal, verification } from "./support.ts";

describe("references", () => {
  it("are told apart by increasing ids", () => {
    const { env } = verification();
    expect(acquireReference(env, 7)).toBe(1);
    expect(acquireReference(env, 9)).toBe(2);
    expect(env.current.refs.map(({ id, insnIdx }) => [id, insnIdx])).toEqual([
      [1, 7],
      [2, 9],
    ]);
  });

  it("take all copies of the pointer with them, spilled ones too", () => {
    const { env } = verification();
    const id = acquireReference(env, 0);
    const other = acquireReference(env, 1);
    point(env.reg(1), RegType.PTR_TO_SOCKET, { refObjId: id });
    point(env.reg(2), RegType.PTR_TO_SOCKET, { refObjId: other });
    const slot = new StackSlot();
    slot.fill(SlotType.SPILL);
    const spilled = point(slot.spilled, RegType.PTR_TO_SOCKET, { refObjId: id });
    env.frame.stack.push(slot);
    expect(releaseReference(env, id)).toBe(true);
    expect(env.reg(1).type).toBe(RegType.SCALAR_VALUE);
    expect(spilled.type).toBe(RegType.SCALAR_VALUE);
    expect(env.reg(2).type).toBe(RegType.PTR_TO_SOCKET);
    expect(env.current.refs.map((ref) => ref.id)).toEqual([other]);
  });

  it("leave nothing to read where addresses are secret", () => {
    const { env } = verification({ privileged: false });
    const id = acquireReference(env, 0);
    point(env.reg(1), RegType.PTR_TO_SOCKET, { refObjId: id });
    releaseReference(env, id);
    expect(env.reg(1).type).toBe(RegType.NOT_INIT);
  });

  it("can be given back but once", () => {
    const { env } = verification();
    const id = acquireReference(env, 0);
    expect(releaseReference(env, id)).toBe(true);
    expect(releaseReference(env, id)).toBe(false);
  });

  it("do not answer for locks of the same id", () => {
    const { env } = verification();
    acquireLockState(env, 0, RefType.LOCK, 5, null);
    expect(releaseReference(env, 5)).toBe(false);
  });
});

describe("locks", () => {
  it("make the one before the active one again", () => {
    const { env } = verification();
    const state = env.current;
    const [first, second] = [{}, {}];
    acquireLockState(env, 0, RefType.RES_LOCK, 1, first);
    acquireReference(env, 1);
    acquireLockState(env, 2, RefType.RES_LOCK_IRQ, 2, second);
    expect([state.activeLocks, state.activeLockId, state.activeLockObject]).toEqual([2, 2, second]);
    expect(releaseLockState(state, RefType.RES_LOCK, 2, second)).toBe(false);
    expect(releaseLockState(state, RefType.RES_LOCK_IRQ, 2, second)).toBe(true);
    expect([state.activeLocks, state.activeLockId]).toEqual([1, 1]);
    expect(state.activeLockObject).toBe(first);
    expect(releaseLockState(state, RefType.RES_LOCK, 1, first)).toBe(true);
    expect([state.activeLocks, state.activeLockId, state.activeLockObject]).toEqual([0, 0, null]);
  });

  it("are found by kind, id and what they lie in", () => {
    const { env } = verification();
    const map = {};
    acquireLockState(env, 3, RefType.RES_LOCK, 4, map);
    const any = RefType.RES_LOCK | RefType.RES_LOCK_IRQ;
    expect(findLockState(env.current, any, 4, map)?.insnIdx).toBe(3);
    expect(findLockState(env.current, RefType.LOCK, 4, map)).toBeNull();
    expect(findLockState(env.current, any, 4, {})).toBeNull();
    expect(findLockState(env.current, any, 5, map)).toBeNull();
  });
});

describe("saved interrupt states", () => {
  it("have to be restored in order", () => {
    const { env } = verification();
    const outer = acquireIrqState(env, 0);
    const inner = acquireIrqState(env, 1);
    expect(releaseIrqState(env.current, outer)).toBe(false);
    expect(releaseIrqState(env.current, inner)).toBe(true);
    expect(env.current.activeIrqId).toBe(outer);
    expect(releaseIrqState(env.current, outer)).toBe(true);
    expect(env.current.activeIrqId).toBe(0);
  });
});

describe("a leak", () => {
  const leave = (test: ReturnType<typeof verification>, checkLock: boolean) =>
    refusal(test, () => checkResourceLeak(test.env, false, checkLock, "tail_call"));

  it("is told for every reference", () => {
    const test = verification();
    acquireReference(test.env, 3);
    acquireReference(test.env, 8);
    expect(leave(test, true)).toEqual([
      Errno.EINVAL,
      "Unreleased reference id=1 alloc_insn=3\n" +
        "Unreleased reference id=2 alloc_insn=8\n" +
        "tail_call would lead to reference leak\n",
    ]);
  });

  it("of a lock comes before one of a reference, and does not count where a function returns", () => {
    const test = verification();
    acquireLockState(test.env, 0, RefType.LOCK, 1, null);
    expect(leave(test, true)[1]).toBe("tail_call cannot be used inside bpf_spin_lock-ed region\n");
    expect(() => checkResourceLeak(test.env, false, false, "tail_call")).not.toThrow();
  });

  it("is none in a function that is called, except where it throws", () => {
    const test = verification();
    acquireReference(test.env, 0);
    test.env.current.frames.push(test.env.pool.copy(test.env.current).frame);
    expect(() => checkResourceLeak(test.env, false, false, "exit")).not.toThrow();
    expect(refusal(test, () => checkResourceLeak(test.env, true, false, "exit"))[0]).toBe(Errno.EINVAL);
  });

  it("of a section without interrupts, of RCU and of preemption is told in this order", () => {
    const test = verification();
    const state = test.env.current;
    state.activePreemptLocks = 1;
    expect(leave(test, true)[1]).toBe("tail_call cannot be used inside bpf_preempt_disable-ed region\n");
    state.activeRcuLock = true;
    expect(leave(test, true)[1]).toBe("tail_call cannot be used inside bpf_rcu_read_lock-ed region\n");
    acquireIrqState(test.env, 0);
    expect(leave(test, true)[1]).toBe("tail_call cannot be used inside bpf_local_irq_save-ed region\n");
  });
});

describe("what becomes worthless", () => {
  it("when the packet moves: pointers into it and slices of its dynptrs", () => {
    const { env } = verification();
    point(env.reg(1), RegType.PTR_TO_PACKET);
    point(env.reg(2), RegType.PTR_TO_PACKET_END);
    point(env.reg(3), RegType.PTR_TO_PACKET_META);
    point(env.reg(4), RegType.PTR_TO_MEM | TypeFlag.DYNPTR_TYPE_SKB | TypeFlag.MEM_RDONLY);
    point(env.reg(5), RegType.PTR_TO_MEM | TypeFlag.DYNPTR_TYPE_RINGBUF);
    clearAllPktPointers(env);
    expect([1, 2, 3, 4].map((regno) => env.reg(regno).type)).toEqual(Array(4).fill(RegType.SCALAR_VALUE));
    expect(env.reg(5).type).toBe(RegType.PTR_TO_MEM | TypeFlag.DYNPTR_TYPE_RINGBUF);
  });

  it("when a lock is given back: references that a list owns", () => {
    const { env } = verification();
    const owned = RegType.PTR_TO_BTF_ID | TypeFlag.MEM_ALLOC;
    point(env.reg(1), owned | TypeFlag.NON_OWN_REF);
    point(env.reg(2), owned);
    invalidateNonOwningRefs(env);
    expect([env.reg(1).type, env.reg(2).type]).toEqual([RegType.SCALAR_VALUE, owned]);
  });
});
