import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { progInfo } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { createHash, loadText, refusal } from "./support.ts";

const NOTHING = "r0 = 0\nexit";
const CALLS = "call one\nexit\none:\nr0 = 0\nexit";

function additions(count: number): string {
  return `r0 = 0\n${"r0 += 1\n".repeat(count - 2)}exit`;
}

describe("kernel.unprivileged_bpf_disabled", () => {
  it.each([undefined, 1, 2] as const)("of %s keeps everything from whoever has no CAP_BPF", (setting) => {
    const kernel = new EmbeddedKernel(setting === undefined ? {} : { unprivilegedBpfDisabled: setting });
    using guest = kernel.process({ caps: ["PERFMON", "NET_ADMIN"] });
    expect(refusal(() => loadText(guest, "socket_filter", NOTHING))).toBe("EPERM");
    expect(refusal(() => createHash(guest))).toBe("EPERM");
  });

  it("of 0 lets anyone load two types of programs", () => {
    const kernel = new EmbeddedKernel({ unprivilegedBpfDisabled: 0 });
    using guest = kernel.process({ caps: [] });
    expect(refusal(() => loadText(guest, "socket_filter", NOTHING))).toBe("granted");
    expect(refusal(() => loadText(guest, "cgroup_skb", NOTHING))).toBe("granted");
    using wide = kernel.process({ caps: ["PERFMON", "NET_ADMIN"] });
    for (const type of ["xdp", "kprobe", "sk_reuseport"]) {
      expect(refusal(() => loadText(wide, type, NOTHING))).toBe("EPERM");
    }
  });

  it("of 0 has them in 4,096 instructions at most", () => {
    const kernel = new EmbeddedKernel({ unprivilegedBpfDisabled: 0 });
    using guest = kernel.process({ caps: [] });
    expect(refusal(() => loadText(guest, "socket_filter", additions(4096)))).toBe("granted");
    expect(refusal(() => loadText(guest, "socket_filter", additions(4097)))).toBe("E2BIG");
    using bpf = kernel.process({ caps: ["BPF"] });
    expect(refusal(() => loadText(bpf, "socket_filter", additions(4097)))).toBe("granted");
  });

  it("of 0 lets anyone make maps of some types", () => {
    const kernel = new EmbeddedKernel({ unprivilegedBpfDisabled: 0 });
    using guest = kernel.process({ caps: [] });
    expect(refusal(() => createHash(guest))).toBe("granted");
    expect(refusal(() => createHash(guest, { mapType: BpfMapType.LRU_HASH }))).toBe("EPERM");
    expect(refusal(() => createHash(guest, { mapType: BpfMapType.DEVMAP, valueSize: 4 }))).toBe("EPERM");
  });

  it("does not matter to a seed of 0, which is for CAP_SYS_ADMIN", () => {
    const kernel = new EmbeddedKernel();
    const flags = { mapFlags: BpfMapFlag.ZERO_SEED };
    using bpf = kernel.process({ caps: ["BPF", "PERFMON", "NET_ADMIN"] });
    expect(refusal(() => createHash(bpf, flags))).toBe("EPERM");
    using admin = kernel.process({ caps: ["SYS_ADMIN"] });
    expect(refusal(() => createHash(admin, flags))).toBe("granted");
  });
});

describe("information about a program", () => {
  const kernel = new EmbeddedKernel({ unprivilegedBpfDisabled: 0 });
  const code = (sys: EmbeddedKernel | ReturnType<EmbeddedKernel["process"]>, fd: number) =>
    progInfo(sys, fd, ["xlatedProgInsns"]).xlatedProgInsns;
  /** `imm` of the first instruction. */
  const distance = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getInt32(4, true);

  it("has no distances of calls for whoever opened it without CAP_SYSLOG", () => {
    using limited = kernel.process({ caps: ["BPF"] });
    const fd = loadText(limited, "socket_filter", CALLS);
    expect(distance(code(limited, fd))).toBe(0);
    // Whose descriptor it is counts, and not who loaded it.
    const other = kernel.progGetFdById({ id: progInfo(limited, fd).id });
    expect(distance(code(kernel, other))).toBe(1);
  });

  it("has no code for whoever has no CAP_BPF", () => {
    using guest = kernel.process({ caps: [] });
    const fd = loadText(guest, "socket_filter", NOTHING);
    expect(code(guest, fd)).toHaveLength(0);
    expect(progInfo(guest, fd)).toMatchObject({ type: 1, xlatedProgLen: 0 });
  });
});
