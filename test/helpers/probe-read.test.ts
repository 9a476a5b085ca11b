import { beforeEach, describe, expect, it } from "vitest";
import { addressOf } from "../../src/mem/index.ts";
import { BpfFuncId, Errno } from "../../src/uapi/index.ts";
import { HelperBench } from "./support.ts";

const USER = 0x7f00_0000_0000n;
const NON_CANONICAL = 0x0000_8000_0000_0000n;
const VSYSCALL = 0xffff_ffff_ff60_0000n;
const UNMAPPED = 0xffff_ffff_8100_0000n;

let bench: HelperBench;
let to: number;
beforeEach(() => {
  bench = new HelperBench();
  to = bench.put(new Uint8Array(16).fill(0xee));
});

/** What is in the buffer afterwards, as text. */
function text(length: number): string {
  return new TextDecoder().decode(bench.get(to, length));
}

function user(content: string): void {
  const bytes = new TextEncoder().encode(content);
  Object.assign(bench.services, {
    userBytes: (low: number, high: number, length: number) =>
      low === 0 && high === 0x7f00 && length <= bytes.length ? bytes.subarray(0, length) : null,
    userString: (low: number, high: number, limit: number) =>
      low === 0 && high === 0x7f00 ? bytes.subarray(0, limit) : null,
    writeUser: (low: number, _high: number, from: Uint8Array) => {
      if (low !== 0) return false;
      bytes.set(from);
      return true;
    },
  });
}

describe("bpf_probe_read_kernel", () => {
  const read = (address: bigint, size = 4) => bench.invoke(BpfFuncId.probe_read_kernel, to, size, address);

  it("copies what is there", () => {
    expect(read(addressOf(bench.put("abcdefgh")))).toBe(0);
    expect(text(4)).toBe("abcd");
    expect([...bench.get(to + 4, 2)]).toEqual([0xee, 0xee]);
  });

  it.each([
    ["NULL", 0n, Errno.ERANGE],
    ["an address of user space", USER, Errno.ERANGE],
    ["an address that is not canonical", NON_CANONICAL, Errno.ERANGE],
    ["the vsyscall page", VSYSCALL + 8n, Errno.ERANGE],
    ["where no memory is", UNMAPPED, Errno.EFAULT],
    ["what is near NULL", addressOf(16), Errno.EFAULT],
    ["behind all memory", addressOf(0xffff_fff0), Errno.EFAULT],
  ])("zeroes the buffer for %s", (_, address, errno) => {
    expect(read(address)).toBe(-errno);
    expect([...bench.get(to, 5)]).toEqual([0, 0, 0, 0, 0xee]);
  });

  it("reads nothing of a kernel's address, and refuses nothing of another", () => {
    expect(read(UNMAPPED, 0)).toBe(0);
    expect(read(0n, 0)).toBe(-Errno.ERANGE);
    expect(bench.get(to, 1)[0]).toBe(0xee);
  });
});

describe("bpf_probe_read_kernel_str", () => {
  const read = (address: bigint, size: number) =>
    bench.invoke(BpfFuncId.probe_read_kernel_str, to, size, address);

  it("counts the NUL, and cuts what is too long", () => {
    const from = addressOf(bench.put("kernel"));
    expect(read(from, 16)).toBe(7);
    expect(text(8)).toBe("kernel\0\ufffd");
    expect(read(from, 4)).toBe(4);
    expect(text(4)).toBe("ker\0");
    expect(read(addressOf(bench.put("")), 4)).toBe(1);
    expect(read(from, 0)).toBe(0);
  });

  it("zeroes the buffer where it faults", () => {
    expect(read(UNMAPPED, 8)).toBe(-Errno.EFAULT);
    expect(text(8)).toBe("\0".repeat(8));
    expect(read(8n, 8)).toBe(-Errno.ERANGE);
  });
});

describe("user memory", () => {
  it("is not there for threads of the kernel", () => {
    expect(bench.invoke(BpfFuncId.probe_read_user, to, 4, USER)).toBe(-Errno.EFAULT);
    expect(text(4)).toBe("\0\0\0\0");
    expect(bench.invoke(BpfFuncId.probe_read_user_str, to, 4, USER)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_write_user, USER, to, 4)).toBe(-Errno.EPERM);
  });

  it("is read and written where a task has it", () => {
    user("program");
    expect(bench.invoke(BpfFuncId.probe_read_user, to, 4, USER)).toBe(0);
    expect(text(4)).toBe("prog");
    expect(bench.invoke(BpfFuncId.probe_read_user, to, 8, USER)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_read_user_str, to, 16, USER)).toBe(8);
    expect(bench.invoke(BpfFuncId.probe_read_user_str, to, 3, USER)).toBe(3);
    expect(text(3)).toBe("pr\0");
    expect(bench.invoke(BpfFuncId.probe_write_user, USER, bench.put("PRO"), 3)).toBe(0);
    expect(bench.invoke(BpfFuncId.probe_write_user, USER + 8n, bench.put("PRO"), 3)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_read, to, 4, USER)).toBe(0);
    expect(text(4)).toBe("PROg");
  });

  it("does not reach into the kernel's half", () => {
    user("program");
    const kernel = addressOf(bench.put("kernel"));
    expect(bench.invoke(BpfFuncId.probe_read_user, to, 4, kernel)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_read_user, to, 0, kernel)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_read_user_str, to, 4, kernel)).toBe(-Errno.EFAULT);
    expect(bench.invoke(BpfFuncId.probe_read, to, 4, kernel)).toBe(0);
    expect(bench.invoke(BpfFuncId.probe_read_str, to, 16, kernel)).toBe(7);
    expect(bench.invoke(BpfFuncId.probe_read_str, to, 16, USER)).toBe(8);
  });
});
