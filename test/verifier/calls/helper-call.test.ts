import { describe, expect, it } from "vitest";
import { type Insn, ProgramBuilder } from "../../../src/isa/index.ts";
import { BpfAttachType, BpfFuncId, BpfMapFlag, BpfMapType, Errno } from "../../../src/uapi/index.ts";
import { checkHelperCall } from "../../../src/verifier/calls/helper-call.ts";
import { checkReturnCode } from "../../../src/verifier/calls/return-code.ts";
import { constantBounds, withBounds } from "../../../src/verifier/ranges/bounds.ts";
import { RegType, TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import { type Case, type CaseOptions, exampleMap, point, refusal, verification } from "./support.ts";

/** A verification that stands before a call of a helper. */
function calling(funcId: number, options: CaseOptions = {}): Case & { call(): void } {
  const call: Insn = new ProgramBuilder().call(funcId).insns()[0]!;
  const test = verification({ ...options, insns: [call] });
  return { ...test, call: () => checkHelperCall(test.env, call) };
}

function scalar(test: Case, regno: number, value: bigint): void {
  test.env.reg(regno).markConstant(value, false);
}

/** A key of four bytes on the stack, whose value nobody knows. */
function unknownKey(test: Case, regno: number): void {
  const reg = test.env.reg(regno);
  reg.copyFrom(test.env.reg(10));
  reg.off = -8;
}

describe("who may call a helper", () => {
  it("is told apart from what is no helper", () => {
    const none = calling(9999);
    expect(refusal(none, none.call)).toEqual([Errno.EINVAL, "invalid func unknown#9999\n"]);
    const other = calling(BpfFuncId.xdp_adjust_head);
    expect(refusal(other, other.call)).toEqual([
      Errno.EINVAL,
      "program of this type cannot use helper bpf_xdp_adjust_head#44\n",
    ]);
    const unprivileged = calling(BpfFuncId.loop, { type: "socket_filter", privileged: false });
    expect(refusal(unprivileged, unprivileged.call)[1]).toBe(
      "program of this type cannot use helper bpf_loop#181\n",
    );
  });

  it("depends on the section that the call is in", () => {
    const test = calling(BpfFuncId.copy_from_user, { type: "syscall" });
    expect(refusal(test, test.call)[1]).toBe("helper call might sleep in a non-sleepable prog\n");
    test.env.current.inSleepable = true;
    test.env.current.activeRcuLock = true;
    expect(refusal(test, test.call)[1]).toBe(
      "sleepable helper bpf_copy_from_user#148 in rcu_read_lock region\n",
    );
    test.env.current.activeRcuLock = false;
    test.env.current.activePreemptLocks = 1;
    expect(refusal(test, test.call)[1]).toBe(
      "sleepable helper bpf_copy_from_user#148 in non-preemptible region\n",
    );
  });
});

describe("what a helper returns", () => {
  it("is a number of which something may be known", () => {
    const test = calling(BpfFuncId.get_smp_processor_id);
    test.call();
    const { bounds } = test.env.reg(0);
    expect([bounds.smin, bounds.smax, bounds.u32min, bounds.u32max]).toEqual([0n, 3n, 0, 3]);
  });

  it("is a map's value, or NULL", () => {
    const map = exampleMap();
    const test = calling(BpfFuncId.map_lookup_elem);
    point(test.env.reg(1), RegType.CONST_PTR_TO_MAP, { map });
    unknownKey(test, 2);
    test.call();
    const r0 = test.env.reg(0);
    expect(r0.type).toBe(RegType.PTR_TO_MAP_VALUE | TypeFlag.PTR_MAYBE_NULL);
    expect([r0.map, r0.id]).toEqual([map, 1]);
    expect([1, 2, 3, 4, 5].map((regno) => test.env.reg(regno).type)).toEqual(Array(5).fill(RegType.NOT_INIT));
    expect(test.env.aux[0]!.mapPointer).toEqual({ map, poison: false, unprivileged: false });
  });

  it("has to be given back where the helper takes something", () => {
    const test = calling(BpfFuncId.ringbuf_reserve);
    point(test.env.reg(1), RegType.CONST_PTR_TO_MAP, { map: exampleMap({ type: BpfMapType.RINGBUF }) });
    scalar(test, 2, 24n);
    scalar(test, 3, 0n);
    test.call();
    const r0 = test.env.reg(0);
    expect(r0.type).toBe(RegType.PTR_TO_MEM | TypeFlag.MEM_RINGBUF | TypeFlag.PTR_MAYBE_NULL);
    expect([r0.memSize, r0.refObjId, r0.id]).toEqual([24, 2, 2]);
    expect(test.env.current.refs).toEqual([{ type: 2, id: 2, insnIdx: 0, object: null }]);
  });
});

describe("a map", () => {
  it("is of a type that the helper takes", () => {
    const test = calling(BpfFuncId.map_lookup_elem);
    point(test.env.reg(1), RegType.CONST_PTR_TO_MAP, { map: exampleMap({ type: BpfMapType.PROG_ARRAY }) });
    unknownKey(test, 2);
    expect(refusal(test, test.call)).toEqual([
      Errno.EINVAL,
      "cannot pass map_type 3 into func bpf_map_lookup_elem#1\n",
    ]);
  });

  it("that programs may only read is not written to", () => {
    const test = calling(BpfFuncId.map_delete_elem);
    point(test.env.reg(1), RegType.CONST_PTR_TO_MAP, { map: exampleMap({ flags: BpfMapFlag.RDONLY_PROG }) });
    unknownKey(test, 2);
    expect(refusal(test, test.call)).toEqual([Errno.EACCES, "write into map forbidden\n"]);
  });
});

describe("what a program returns", () => {
  const leaving = (options: CaseOptions, value: bigint) => {
    const test = verification(options);
    test.env.reg(0).markConstant(value, false);
    return { ...test, leave: () => checkReturnCode(test.env, 0, "R0") };
  };

  it("is nobody's concern in most types", () => {
    expect(leaving({ type: "sched_cls" }, 77n).leave).not.toThrow();
  });

  it("is in the range of its type and attach type", () => {
    const sockopt = leaving({ type: "cgroup_sockopt" }, 2n);
    expect(refusal(sockopt, sockopt.leave)).toEqual([
      Errno.EINVAL,
      "At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]\n",
    ]);
    const egress = leaving({ type: "cgroup_skb", expectedAttachType: BpfAttachType.CGROUP_INET_EGRESS }, 3n);
    expect(egress.leave).not.toThrow();
    expect(egress.env.enforceExpectedAttachType).toBe(true);
  });

  it("may be unknown in parts", () => {
    const test = verification({ type: "cgroup_sockopt" });
    const r0 = test.env.reg(0);
    r0.markUnknown(false);
    expect(refusal(test, () => checkReturnCode(test.env, 0, "R0"))[1]).toBe(
      "At program exit the register R0 has unknown scalar value should have been in [0, 1]\n",
    );
    r0.bounds = withBounds(r0.bounds, { smax: 1n });
    expect(refusal(test, () => checkReturnCode(test.env, 0, "R0"))[1]).toBe(
      "At program exit the register R0 has smax=1 should have been in [0, 1]\n",
    );
    r0.bounds = constantBounds(1n);
    expect(() => checkReturnCode(test.env, 0, "R0")).not.toThrow();
  });

  it("has to be there", () => {
    const test = verification({ type: "cgroup_sockopt" });
    expect(refusal(test, () => checkReturnCode(test.env, 0, "R0"))).toEqual([Errno.EACCES, "R0 !read_ok\n"]);
  });
});
