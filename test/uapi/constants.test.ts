import { describe, expect, it } from "vitest";
import {
  BpfAttachFlag,
  BpfAttachType,
  BpfMapFlag,
  BpfMapType,
  BpfPerfOutputFlag,
  BpfProgFlag,
  BpfProgType,
  BpfUpdateFlag,
  constantPrefixes,
  PerfIoctl,
  PerfSample,
  SkBpfOption,
  SyscallArm64,
  SyscallX64,
  TcAct,
  TcpBpfOption,
  XdpAction,
} from "../../src/uapi/index.ts";

// Values as in the headers of Linux 6.18, one or two of each kind of source.
describe("constants", () => {
  it("has enums of BTF", () => {
    expect(BpfMapType.RINGBUF).toBe(27);
    expect(BpfMapType.ARENA).toBe(33);
    expect(BpfProgType.NETFILTER).toBe(32);
    expect(BpfAttachType.TCX_INGRESS).toBe(46);
    expect(XdpAction.REDIRECT).toBe(4);
    expect(PerfSample.RAW).toBe(1 << 10);
  });

  it("has nameless enums of BTF", () => {
    expect(BpfUpdateFlag).toEqual({ ANY: 0, NOEXIST: 1, EXIST: 2, F_LOCK: 4 });
    expect(BpfMapFlag.MMAPABLE).toBe(1 << 10);
    expect(BpfPerfOutputFlag.CURRENT_CPU).toBe(0xffff_ffff);
    expect(TcpBpfOption.DELACK_MAX).toBe(1003);
  });

  it("has macros, also those newer than the headers", () => {
    expect(BpfProgFlag.SLEEPABLE).toBe(1 << 4);
    expect(BpfProgFlag.TEST_REG_INVARIANTS).toBe(1 << 7);
    expect(BpfAttachFlag.LINK).toBe(1 << 13);
    expect(TcAct.UNSPEC).toBe(-1);
    expect(PerfIoctl.SET_BPF).toBe(0x4004_2408);
    expect(PerfIoctl.QUERY_BPF).toBe(0xc008_240a);
  });

  it("knows what the names begin with", () => {
    expect(constantPrefixes.BpfMapFlag + "MMAPABLE").toBe("BPF_F_MMAPABLE");
    expect(constantPrefixes.PerfSample + "RAW").toBe("PERF_SAMPLE_RAW");
    expect(SkBpfOption.CB_FLAGS).toBe(1009);
    expect(BpfProgFlag.TOKEN_FD).toBe(1 << 16);
  });

  it("has system calls of both architectures", () => {
    expect([SyscallX64.bpf, SyscallArm64.bpf]).toEqual([321, 280]);
    expect([SyscallX64.perf_event_open, SyscallArm64.perf_event_open]).toEqual([298, 241]);
    expect([SyscallX64.read, SyscallArm64.read]).toEqual([0, 63]);
    // The generic table names what 32-bit machines call mmap2, fstatat64 …
    expect([SyscallArm64.mmap, SyscallArm64.newfstatat]).toEqual([222, 79]);
    expect(Object.keys(SyscallArm64)).not.toContain("mmap2");
    expect(Object.keys(SyscallArm64)).not.toContain("clock_gettime64");
  });
});
