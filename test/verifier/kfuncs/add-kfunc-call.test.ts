import { describe, expect, it } from "vitest";
import { type Btf, BtfKind } from "../../../src/btf/index.ts";
import { Errno } from "../../../src/uapi/index.ts";
import { Environment } from "../../../src/verifier/environment/environment.ts";
import { kfuncKey } from "../../../src/verifier/environment/kfunc-description.ts";
import type { ProgramFile, VerifyRequest } from "../../../src/verifier/environment/request.ts";
import { addKfuncCall } from "../../../src/verifier/kfuncs/add-kfunc-call.ts";
import { SpecialKfunc } from "../../../src/verifier/kfuncs/special-kfunc.ts";
import { type Case, refusal, verification } from "../calls/support.ts";
import { VMLINUX } from "../objects/vmlinux.ts";

/** A verification for a kernel with all its types. */
function onLinux(over: Partial<VerifyRequest> = {}, btf: Btf | null = VMLINUX): Case {
  const { env, log } = verification();
  const kernel = { ...env.request.kernel, btf, symbolAddress: () => 0xffff_ffff_8100_0000n };
  return { env: new Environment({ ...env.request, kernel, ...over }, env.log), log };
}

const idOf = (name: string) => VMLINUX.findByName(name, BtfKind.FUNC);

describe("a kernel function that a program calls", () => {
  it("is entered once, with what its types say", () => {
    const test = onLinux();
    const id = idOf("bpf_throw");
    addKfuncCall(test.env, id, 0);
    addKfuncCall(test.env, id, 0);
    expect(test.env.kfuncs.size).toBe(1);
    const { name, special, funcId } = test.env.kfuncs.get(kfuncKey(id, 0))!;
    expect([name, special, funcId]).toEqual(["bpf_throw", SpecialKfunc.bpf_throw, id]);
    addKfuncCall(test.env, 0, 0);
    expect(test.env.kfuncs.size).toBe(1);
  });

  it("has to be there, and a function", () => {
    const test = onLinux();
    const int = VMLINUX.findByName("int", BtfKind.INT);
    expect(refusal(test, () => addKfuncCall(test.env, int, 0))).toEqual([
      Errno.EINVAL,
      `kernel btf_id ${int} is not a function\n`,
    ]);
    expect(refusal(test, () => addKfuncCall(test.env, -1, 0))[1]).toBe(
      "kernel btf_id 4294967295 is not a function\n",
    );
  });

  it("asks for types, a licence and, of some, a device", () => {
    const bare = onLinux({}, null);
    expect(refusal(bare, () => addKfuncCall(bare.env, 1, 0))).toEqual([
      Errno.ENOTSUPP,
      "calling kernel function is not supported without CONFIG_DEBUG_INFO_BTF\n",
    ]);
    const closed = onLinux({ gplCompatible: false });
    expect(refusal(closed, () => addKfuncCall(closed.env, idOf("bpf_throw"), 0))[1]).toBe(
      "cannot call kernel function from non-GPL compatible program\n",
    );
    const timestamp = idOf("bpf_xdp_metadata_rx_timestamp");
    const unbound = onLinux();
    expect(refusal(unbound, () => addKfuncCall(unbound.env, timestamp, 0))[1]).toBe(
      "metadata kfuncs require device-bound program\n",
    );
    const bound = onLinux({ devBound: true });
    addKfuncCall(bound.env, timestamp, 0);
    expect(bound.env.kfuncs.size).toBe(1);
  });

  it("of a module is found by a descriptor of its types", () => {
    const files = (file: ProgramFile | null) => ({ file: () => file, fdArray: () => 7, fdArrayCount: 0 });
    const none = onLinux();
    expect(refusal(none, () => addKfuncCall(none.env, 5, 1))).toEqual([
      Errno.EPROTO,
      "kfunc offset > 0 without fd_array is invalid\nfailed to find BTF for kernel function\n",
    ]);
    expect(refusal(none, () => addKfuncCall(none.env, 5, -1))[1]).toBe(
      "negative offset disallowed for kernel module function call\nfailed to find BTF for kernel function\n",
    );
    const closed = onLinux({ files: files(null) });
    expect(refusal(closed, () => addKfuncCall(closed.env, 5, 1))).toEqual([
      Errno.EBADF,
      "invalid module BTF fd specified\nfailed to find BTF for kernel function\n",
    ]);
    const program: ProgramFile = { kind: "btf", btf: VMLINUX, kernel: false, module: false };
    const wrong = onLinux({ files: files(program) });
    expect(refusal(wrong, () => addKfuncCall(wrong.env, 5, 1))[1]).toBe(
      "BTF fd for kfunc is not a module BTF\nfailed to find BTF for kernel function\n",
    );
    const module = onLinux({ files: files({ ...program, kernel: true, module: true }) });
    addKfuncCall(module.env, idOf("bpf_throw"), 3);
    expect([...module.env.kfuncBtfs.keys()]).toEqual([3]);
    expect(module.env.kfuncs.get(kfuncKey(idOf("bpf_throw"), 3))!.name).toBe("bpf_throw");
  });
});
