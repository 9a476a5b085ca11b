import { describe, expect, it } from "vitest";
import { BtfKind } from "../../../src/btf/index.ts";
import { prototypeOf } from "../../../src/platform/index.ts";
import { BpfFuncId, BpfProgType, Errno } from "../../../src/uapi/index.ts";
import { checkFuncArgRegOff } from "../../../src/verifier/calls/argument-offset.ts";
import { ArgType, argumentTypeBits } from "../../../src/verifier/calls/argument-type.ts";
import { CallMeta } from "../../../src/verifier/calls/call-meta.ts";
import { checkRegType } from "../../../src/verifier/calls/register-type.ts";
import { RegType, TypeFlag } from "../../../src/verifier/state/reg-type.ts";
import type { Register } from "../../../src/verifier/state/register.ts";
import { exampleMap, layout, point, refusal, verification } from "./support.ts";

const TRUSTED = RegType.PTR_TO_BTF_ID | TypeFlag.PTR_TRUSTED;
const PLAIN = new CallMeta(BpfFuncId.map_lookup_elem, false);

function matched(argType: number, type: number, fields: Partial<Register> = {}, meta = PLAIN, argBtfId = 0) {
  const test = verification();
  point(test.env.reg(1), type, fields);
  try {
    checkRegType(test.env, 1, argType, argBtfId, meta);
    return null;
  } catch {
    return test.log();
  }
}

describe("the kind of a register", () => {
  it("is one of those that the argument accepts, or they are named", () => {
    expect(matched(ArgType.ARG_CONST_MAP_PTR, RegType.CONST_PTR_TO_MAP)).toBeNull();
    expect(matched(ArgType.ARG_CONST_MAP_PTR, RegType.SCALAR_VALUE)).toBe(
      "R1 type=scalar expected=map_ptr\n",
    );
    expect(matched(ArgType.ARG_PTR_TO_DYNPTR, RegType.PTR_TO_CTX)).toBe(
      "R1 type=ctx expected=fp, dynptr_ptr\n",
    );
    expect(matched(ArgType.ARG_PTR_TO_MEM, RegType.PTR_TO_CTX)).toBe(
      "R1 type=ctx expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_\n",
    );
  });

  it("may be read-only or NULL where the argument may be", () => {
    const readOnly = RegType.PTR_TO_MEM | TypeFlag.MEM_RDONLY;
    expect(matched(ArgType.ARG_PTR_TO_MEM, readOnly)).toMatch(/^R1 type=rdonly_mem expected=fp/);
    expect(matched(ArgType.ARG_PTR_TO_MEM | TypeFlag.MEM_RDONLY, readOnly)).toBeNull();
    const orNull = RegType.PTR_TO_MAP_VALUE | TypeFlag.PTR_MAYBE_NULL;
    expect(matched(ArgType.ARG_PTR_TO_MEM, orNull, { map: exampleMap() })).toMatch(
      /^R1 type=map_value_or_null /,
    );
    expect(
      matched(ArgType.ARG_PTR_TO_MEM | TypeFlag.PTR_MAYBE_NULL, orNull, { map: exampleMap() }),
    ).toBeNull();
  });

  it("may be a slice of a dynptr where memory is wanted", () => {
    const slice = RegType.PTR_TO_MEM | TypeFlag.DYNPTR_TYPE_SKB;
    expect(matched(ArgType.ARG_PTR_TO_MEM, slice)).toBeNull();
    expect(matched(ArgType.ARG_PTR_TO_MAP_KEY, slice)).not.toBeNull();
  });

  it("of a kernel object has to be read-only where memory is wanted", () => {
    const task = { btf: layout.btf, btfId: layout.btf.findByName("task_struct", BtfKind.STRUCT) };
    expect(matched(ArgType.ARG_PTR_TO_MEM | TypeFlag.MEM_RDONLY, TRUSTED, task)).toBeNull();
    expect(matched(ArgType.ARG_PTR_TO_MEM, TRUSTED, task)).toBe(
      "bpf_map_lookup_elem() may write into memory pointed by R1 type=trusted_ptr_\n",
    );
  });
});

describe("the struct behind a register", () => {
  const sock = layout.btf.findByName("sock", BtfKind.STRUCT);
  const sockCommon = layout.btf.findByName("sock_common", BtfKind.STRUCT);

  it("is the one that the argument names, or begins with it", () => {
    const fields = { btf: layout.btf, btfId: sock };
    expect(matched(ArgType.ARG_PTR_TO_BTF_ID, TRUSTED, fields, PLAIN, sock)).toBeNull();
    expect(matched(ArgType.ARG_PTR_TO_BTF_ID_SOCK_COMMON, TRUSTED, fields)).toBeNull();
    expect(
      matched(ArgType.ARG_PTR_TO_BTF_ID, TRUSTED, { btf: layout.btf, btfId: sockCommon }, PLAIN, sock),
    ).toBe("R1 is of type sock_common but sock is expected\n");
  });

  it("may not be NULL where the argument is given back", () => {
    const fields = { btf: layout.btf, btfId: sock };
    const orNull = TRUSTED | TypeFlag.PTR_MAYBE_NULL;
    const wanted = ArgType.ARG_PTR_TO_BTF_ID | TypeFlag.PTR_MAYBE_NULL;
    expect(matched(wanted, orNull, fields, PLAIN, sock)).toBeNull();
    expect(matched(wanted | TypeFlag.OBJ_RELEASE, orNull, fields, PLAIN, sock)).toBe(
      "Possibly NULL pointer passed to helper arg1\n",
    );
  });
});

describe("the offset of a register", () => {
  it("may be anything in memory, and nothing in what is given back", () => {
    const test = verification();
    point(test.env.reg(1), RegType.PTR_TO_MAP_VALUE, { off: 8, map: exampleMap() });
    expect(() => checkFuncArgRegOff(test.env, test.env.reg(1), 1, ArgType.ARG_PTR_TO_MEM)).not.toThrow();
    point(test.env.reg(1), RegType.PTR_TO_MEM | TypeFlag.MEM_RINGBUF, { off: 8 });
    const given = ArgType.ARG_PTR_TO_RINGBUF_MEM | TypeFlag.OBJ_RELEASE;
    expect(refusal(test, () => checkFuncArgRegOff(test.env, test.env.reg(1), 1, given))).toEqual([
      Errno.EINVAL,
      "R1 must have zero offset when passed to release func or trusted arg to kfunc\n",
    ]);
  });

  it("may be fixed in a kernel object, and not in a context", () => {
    const test = verification();
    point(test.env.reg(1), TRUSTED, { off: 8, btf: layout.btf, btfId: 1 });
    expect(() => checkFuncArgRegOff(test.env, test.env.reg(1), 1, ArgType.ARG_PTR_TO_BTF_ID)).not.toThrow();
    point(test.env.reg(1), RegType.PTR_TO_CTX, { off: 8 });
    expect(
      refusal(test, () => checkFuncArgRegOff(test.env, test.env.reg(1), 1, ArgType.ARG_PTR_TO_CTX)),
    ).toEqual([Errno.EACCES, "dereference of modified ctx ptr R1 off=8 disallowed\n"]);
  });
});

it("argument types of the tables become the kernel's numbers", () => {
  const prototype = prototypeOf(BpfFuncId.probe_read_kernel, {
    programType: BpfProgType.KPROBE,
    expectedAttachType: 0,
  })!;
  expect(prototype.args.map(argumentTypeBits)).toEqual([
    ArgType.ARG_PTR_TO_MEM | TypeFlag.MEM_UNINIT | TypeFlag.MEM_WRITE,
    ArgType.ARG_CONST_SIZE_OR_ZERO,
    ArgType.ARG_ANYTHING,
  ]);
});
