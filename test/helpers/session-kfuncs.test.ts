import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType } from "../../src/uapi/index.ts";
import { store, wordAt, words } from "../kernel/events/support.ts";
import { loadText, refusal } from "../kernel/support.ts";

const types = linuxTypes();
const SESSION = BpfAttachType.TRACE_KPROBE_SESSION;
const [RUNS, RESULT, COOKIE, IP] = [0, 1, 2, 3];
/** `struct pt_regs` of x86-64. */
const AX = 80;

/**
 * A program of sessions: appends 1 at entries and 2 at returns to a word, and notes there what its cookie was; it adds
 * the first argument to its own word. It gives `gives` at entries.
 */
function session(kernel: EmbeddedKernel, mapFd: number, gives = 0): number {
  const kfunc = (name: string) => `call kfunc(${types.findByName(name, 12)})`;
  const text = `
    r6 = r1
    ${kfunc("bpf_session_is_return")}
    r8 = r0
    r8 += 1
    *(u32 *)(r10 - 4) = ${RUNS}
    r2 = r10
    r2 += -4
    r1 = map[id:${mapFd}]
    call bpf_map_lookup_elem
    if r0 == 0 goto +4
    r1 = *(u64 *)(r0 + 0)
    r1 *= 10
    r1 += r8
    *(u64 *)(r0 + 0) = r1
    ${kfunc("bpf_session_cookie")}
    r7 = *(u64 *)(r0 + 0)
    r1 = *(u64 *)(r6 + 112)
    r2 = r7
    r2 += r1
    *(u64 *)(r0 + 0) = r2
    ${store(mapFd, COOKIE)}
    r7 = *(u64 *)(r6 + ${AX})
    ${store(mapFd, RESULT)}
    r1 = r6
    call bpf_get_func_ip
    r7 = r0
    ${store(mapFd, IP)}
    r0 = 0
    if r8 != 1 goto +1
    r0 = ${gives}
    exit`;
  return loadText(kernel, "kprobe", text, { expectedAttachType: SESSION });
}

function attach(kernel: EmbeddedKernel, progFd: number, flags = 0): number {
  const kprobeMultiSyms = ["vfs_read", "vfs_write"];
  return kernel.linkCreate({ progFd, attachType: SESSION, kprobeMultiSyms, kprobeMultiFlags: flags });
}

describe("kprobe sessions", () => {
  it("run where a function is entered and where it is left, and keep a word of their own", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    const link = attach(kernel, session(kernel, mapFd));
    const entry = () => [RUNS, COOKIE].map((index) => wordAt(kernel, mapFd, index));
    let atBody: bigint[] = [];
    const { result, runs } = kernel.fire("function:vfs_read", {
      args: [40],
      result: () => {
        atBody = entry();
        // Another call meanwhile has a word of its own.
        kernel.fire("function:vfs_write", { args: [2], result: 1 });
        return 9;
      },
    });
    expect([result, runs]).toEqual([9n, 2]);
    expect(atBody).toEqual([1n, 0n]);
    expect([RUNS, COOKIE, RESULT].map((index) => wordAt(kernel, mapFd, index))).toEqual([1122n, 40n, 9n]);
    expect(wordAt(kernel, mapFd, IP)).not.toBe(0n);
    kernel.port.close(link);
    expect(kernel.fire("function:vfs_read").runs).toBe(0);
  });

  it("are over where they give 1", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    attach(kernel, session(kernel, mapFd, 1));
    for (let i = 0; i < 2; i++) expect(kernel.fire("function:vfs_read", { result: 9 }).runs).toBe(1);
    expect(wordAt(kernel, mapFd, RUNS)).toBe(11n);
  });

  it("of returns alone begin there", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const mapFd = words(kernel);
    attach(kernel, session(kernel, mapFd, 1), 1);
    expect(kernel.fire("function:vfs_read", { args: [40], result: 9 }).runs).toBe(1);
    expect([RUNS, COOKIE].map((index) => wordAt(kernel, mapFd, index))).toEqual([2n, 0n]);
  });

  it("are not for programs of single runs", () => {
    const kernel = new EmbeddedKernel({ btf: types });
    const text = `call kfunc(${types.findByName("bpf_session_is_return", 12)})\nr0 = 0\nexit`;
    expect(refusal(() => loadText(kernel, "kprobe", text))).toBe("EACCES");
  });
});
