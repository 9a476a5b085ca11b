import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { createKfuncs, type TaskDirectory } from "../../src/helpers/index.ts";
import { defaultLayout } from "../../src/platform/index.ts";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const USER = 0x7f00_0000_0000n;
const TASK = 4096;
const kfuncs = createKfuncs(defaultLayout());

/** A bench whose current task has one text at USER, and another task another one. */
function bench(own: string, others: string): HelperBench {
  const sut = new HelperBench();
  const bytesOf = (text: string) => (low: number, high: number, length: number) => {
    const bytes = utf8(`${text}\0`);
    return high === 0x7f00 && low + length <= bytes.length ? bytes.subarray(low, low + length) : null;
  };
  const stringOf = (text: string) => (low: number, high: number, limit: number) =>
    high === 0x7f00 && low <= text.length ? utf8(text).subarray(low, low + limit) : null;
  const tasks = {
    userBytes: (task: number, ...rest: [number, number, number]) =>
      task === TASK ? bytesOf(others)(...rest) : null,
    userString: (task: number, ...rest: [number, number, number]) =>
      task === TASK ? stringOf(others)(...rest) : null,
  } as Partial<TaskDirectory>;
  Object.assign(sut.services, { userBytes: bytesOf(own), userString: stringOf(own), tasks });
  return sut;
}

function callKfunc(sut: HelperBench, name: string, ...args: (number | bigint)[]): number {
  const kfunc = kfuncs.get(name)!;
  if (kfunc.body.kind !== "host") throw new Error(`${name} is emitted`);
  const halves = args.flatMap((arg, i) =>
    kfunc.args[i] === "i64"
      ? [Number(BigInt.asIntN(32, BigInt(arg))), Number(BigInt.asIntN(32, BigInt(arg) >> 32n))]
      : [Number(arg) | 0],
  );
  return kfunc.body.call(sut.call, ...halves);
}

describe("bpf_copy_from_user", () => {
  it("copies all or nothing", () => {
    const sut = bench("hello", "other");
    const to = sut.put(new Uint8Array(8).fill(9));
    expect(sut.invoke(BpfFuncId.copy_from_user, to, 5, USER)).toBe(0);
    expect([...sut.get(to, 6)]).toEqual([...utf8("hello"), 9]);
    expect(sut.invoke(BpfFuncId.copy_from_user, to, 8, USER)).toBe(-Errno.EFAULT);
    expect([...sut.get(to, 8)]).toEqual(new Array(8).fill(0));
    expect(sut.invoke(BpfFuncId.copy_from_user, to, 4, 0xffff_8000_0000_0000n)).toBe(-Errno.EFAULT);
  });

  it("of another task, without flags", () => {
    const sut = bench("hello", "other");
    const to = sut.put(new Uint8Array(8));
    const copy = (size: number, task: number, flags = 0n) =>
      sut.invoke(BpfFuncId.copy_from_user_task, to, size, USER, task, flags);
    expect(copy(5, TASK)).toBe(0);
    expect([...sut.get(to, 5)]).toEqual([...utf8("other")]);
    expect(copy(5, TASK, 1n)).toBe(-Errno.EINVAL);
    expect(copy(5, TASK, 1n << 32n)).toBe(-Errno.EINVAL);
    expect(copy(5, TASK + 8)).toBe(-Errno.EFAULT);
    expect(copy(0, TASK + 8)).toBe(0);
  });
});

describe("bpf_copy_from_user_str", () => {
  const run = (size: number, flags = 0n, address = USER) => {
    const sut = bench("hello", "other");
    const to = sut.put(new Uint8Array(8).fill(9));
    const result = callKfunc(sut, "bpf_copy_from_user_str", to, size, address, flags);
    return [result, ...sut.get(to, 8)];
  };
  const hello = [...utf8("hello")];

  it("counts the NUL, and cuts what is too long", () => {
    expect(run(8)).toEqual([6, ...hello, 0, 9, 9]);
    expect(run(3)).toEqual([3, ...hello.slice(0, 2), 0, 9, 9, 9, 9, 9]);
    expect(run(1)).toEqual([1, 0, 9, 9, 9, 9, 9, 9, 9]);
    expect(run(0)).toEqual([0, ...new Array(8).fill(9)]);
  });

  it("fills the rest with zeros where that is asked for", () => {
    expect(run(8, 1n)).toEqual([6, ...hello, 0, 0, 0]);
    expect(run(8, 1n, 0n)).toEqual([-Errno.EFAULT, ...new Array(8).fill(0)]);
    expect(run(8, 0n, 0n)).toEqual([-Errno.EFAULT, ...new Array(8).fill(9)]);
    expect(run(8, 2n)[0]).toBe(-Errno.EINVAL);
  });
});

describe("memory that is read into dynptrs", () => {
  it("of user space, of the kernel, and of another task", () => {
    const sut = bench("hello", "other");
    const data = sut.put(new Uint8Array(16));
    const dynptr = sut.put(new Uint8Array(16));
    sut.invoke(BpfFuncId.dynptr_from_mem, data, 16, 0n, dynptr);
    const text = () => new TextDecoder().decode(sut.get(data, 16)).replaceAll("\0", ".");
    expect(callKfunc(sut, "bpf_probe_read_user_dynptr", dynptr, 1, 5, USER)).toBe(0);
    expect(text()).toBe(".hello..........");
    expect(callKfunc(sut, "bpf_probe_read_user_str_dynptr", dynptr, 4, 12, USER + 1n)).toBe(5);
    expect(text()).toBe(".helello........");
    expect(callKfunc(sut, "bpf_copy_from_user_task_str_dynptr", dynptr, 0, 3, USER, TASK)).toBe(3);
    expect(text()).toBe("ot.lello........");
    expect(callKfunc(sut, "bpf_copy_from_user_task_dynptr", dynptr, 10, 5, USER, TASK)).toBe(0);
    expect(text()).toBe("ot.lello..other.");
    expect(callKfunc(sut, "bpf_copy_from_user_dynptr", dynptr, 0, 8, USER)).toBe(-Errno.EFAULT);
    expect(callKfunc(sut, "bpf_copy_from_user_str_dynptr", dynptr, 0, 0, USER)).toBe(0);
    expect(callKfunc(sut, "bpf_probe_read_kernel_dynptr", dynptr, 0, 17, USER)).toBe(-Errno.E2BIG);
    expect(callKfunc(sut, "bpf_probe_read_kernel_str_dynptr", dynptr, 0, 4, USER)).toBe(-Errno.ERANGE);
  });

  it("is refused by dynptrs of nothing", () => {
    const sut = bench("hello", "other");
    const dynptr = sut.put(new Uint8Array(16));
    expect(callKfunc(sut, "bpf_probe_read_user_dynptr", dynptr, 0, 5, USER)).toBe(-Errno.E2BIG);
  });
});
