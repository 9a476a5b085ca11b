import { describe, expect, it } from "vitest";
import { BtfBuilder, BtfKind } from "../../src/btf/index.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { linuxTypes } from "../../src/node/index.ts";
import { BpfAttachType as A, BpfProgFlag, BpfMapType as M } from "../../src/uapi/index.ts";
import { loadText, refusal, u32 } from "./support.ts";

const PASS = "r0 = 2\nexit";
const calling = (mapFd: number) => `r2 = map[id:${mapFd}]\nr3 = 0\ncall bpf_tail_call\nr0 = 0\nexit`;
const naming = (mapFd: number) => `r2 = map[id:${mapFd}]\nr0 = 0\nexit`;

function make(kernel: EmbeddedKernel, mapType: number = M.PROG_ARRAY): number {
  const valueSize = mapType === M.PROG_ARRAY ? 4 : 8;
  return kernel.mapCreate({ mapType, keySize: 4, valueSize, maxEntries: 4 });
}

/** What becomes of a program as element 0. */
function enter(
  kernel: EmbeddedKernel,
  mapFd: number,
  progFd: number,
  mapType: number = M.PROG_ARRAY,
): string {
  const words = mapType === M.PROG_ARRAY ? [progFd] : [1, progFd];
  const value = new Uint8Array(Int32Array.from(words).buffer);
  return refusal(() => kernel.mapUpdateElem({ mapFd, key: u32(0), value }));
}

describe("maps of programs", () => {
  it("have programs that take fragments, or such that do not", () => {
    const kernel = new EmbeddedKernel();
    const progFlags = BpfProgFlag.XDP_HAS_FRAGS;
    for (const mapType of [M.PROG_ARRAY, M.DEVMAP, M.CPUMAP]) {
      const mapFd = make(kernel, mapType);
      loadText(kernel, "xdp", naming(mapFd));
      expect(refusal(() => loadText(kernel, "xdp", naming(mapFd), { progFlags }))).toBe("EINVAL");
      expect(refusal(() => loadText(kernel, "xdp", naming(mapFd)))).toBe("granted");
    }
  });

  it("of devices ask programs when these are put into them, a hash then only", () => {
    const kernel = new EmbeddedKernel();
    const progFlags = BpfProgFlag.XDP_HAS_FRAGS;
    const plain = loadText(kernel, "xdp", PASS, { expectedAttachType: A.XDP_DEVMAP });
    const frags = loadText(kernel, "xdp", PASS, { expectedAttachType: A.XDP_DEVMAP, progFlags });
    for (const [mapType, first] of [
      [M.DEVMAP, "EINVAL"],
      [M.DEVMAP_HASH, "granted"],
    ] as const) {
      const mapFd = make(kernel, mapType);
      loadText(kernel, "xdp", naming(mapFd));
      expect(enter(kernel, mapFd, frags, mapType)).toBe(first);
      expect(enter(kernel, mapFd, plain, mapType)).toBe(first === "EINVAL" ? "granted" : "EINVAL");
    }
  });

  it("refuse storage of control groups that is not the owner's, and callers without any", () => {
    const kernel = new EmbeddedKernel();
    const storage = () =>
      kernel.mapCreate({ mapType: M.CGROUP_STORAGE, keySize: 16, valueSize: 8, maxEntries: 0 });
    const [one, other] = [storage(), storage()];
    const load = (text: string) => loadText(kernel, "cgroup_skb", text, { expectedAttachType: 0 });
    const mapFd = make(kernel);
    const withStorage = (map: number, text: string) => `r6 = r1\nr1 = map[id:${map}]\nr1 = r6\n${text}`;
    load(withStorage(one, calling(mapFd)));
    expect(enter(kernel, mapFd, load(withStorage(other, PASS.replace("2", "1"))))).toBe("EINVAL");
    expect(enter(kernel, mapFd, load(withStorage(one, PASS.replace("2", "1"))))).toBe("granted");
    expect(enter(kernel, mapFd, load(PASS.replace("2", "1")))).toBe("granted");
    expect(enter(kernel, mapFd, load(calling(make(kernel))))).toBe("EINVAL");
  });

  it("hold programs for functions of one prototype", () => {
    const types = linuxTypes();
    const kernel = new EmbeddedKernel({ btf: types });
    const traced = (name: string, text = "r0 = 0\nexit", type = "tracing", attach: number = A.TRACE_FENTRY) =>
      loadText(kernel, type, text, {
        attachBtfId: types.findByName(name, BtfKind.FUNC),
        expectedAttachType: attach,
      });
    const mapFd = make(kernel);
    traced("bpf_fentry_test7", calling(mapFd));
    // The same prototype.
    expect(enter(kernel, mapFd, traced("bpf_fentry_test8"))).toBe("granted");
    expect(enter(kernel, mapFd, traced("bpf_fentry_test2"))).toBe("EINVAL");
    const hooks = make(kernel);
    const hook = (name: string, text?: string) => traced(name, text, "lsm", A.LSM_MAC);
    hook("bpf_lsm_file_open", calling(hooks));
    expect(enter(kernel, hooks, hook("bpf_lsm_file_open"))).toBe("granted");
    expect(enter(kernel, hooks, hook("bpf_lsm_file_permission"))).toBe("EINVAL");
  });

  it("hold programs that sleep with such that do not", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = make(kernel);
    loadText(kernel, "kprobe", calling(mapFd));
    const progFd = loadText(kernel, "kprobe", "r0 = 0\nexit", { progFlags: BpfProgFlag.SLEEPABLE });
    expect(enter(kernel, mapFd, progFd)).toBe("granted");
  });

  it("refuse programs that override what functions return", () => {
    const kernel = new EmbeddedKernel({ missingOptions: new Set() });
    const override = "r2 = -5\ncall bpf_override_return";
    const progFd = loadText(kernel, "kprobe", `${override}\nr0 = 0\nexit`);
    const mapFd = make(kernel);
    expect(enter(kernel, mapFd, progFd)).toBe("EINVAL");
    const text = `r6 = r1\n${override}\nr1 = r6\n${calling(mapFd)}`;
    expect(refusal(() => loadText(kernel, "kprobe", text))).toBe("EINVAL");
    // Code that is never reached does not count.
    const dead = `r0 = 0\nif r0 == 0 goto +2\n${override}\nr0 = 0\nexit`;
    const other = make(kernel);
    expect(enter(kernel, other, loadText(kernel, "kprobe", dead))).toBe("granted");
    // It did not become the owner.
    expect(refusal(() => loadText(kernel, "xdp", calling(mapFd)))).toBe("granted");
  });

  it("take extensions for what these extend, and hold none", () => {
    const kernel = new EmbeddedKernel();
    const builder = new BtfBuilder();
    const int = builder.add({ kind: "INT", name: "int", size: 4, signed: true });
    const xdp = builder.add({ kind: "STRUCT", name: "xdp_md", size: 0, members: [] });
    const ctx = builder.add({ kind: "PTR", type: xdp });
    const proto = builder.add({ kind: "FUNC_PROTO", returns: int, params: [{ name: "ctx", type: ctx }] });
    const main = builder.add({ kind: "FUNC", name: "main_prog", type: proto, linkage: "global" });
    const progBtfFd = kernel.btfLoad({ btf: builder.finish() });
    const funcInfo = new Uint8Array(Uint32Array.of(0, main).buffer);
    const records = { progBtfFd, funcInfo, funcInfoCnt: 1, funcInfoRecSize: 8 };
    const target = loadText(kernel, "xdp", PASS, records);
    const extension = (text: string) =>
      loadText(kernel, "ext", text, { ...records, attachProgFd: target, attachBtfId: main });
    const mapFd = make(kernel);
    extension(naming(mapFd));
    expect(refusal(() => loadText(kernel, "sched_cls", calling(mapFd)))).toBe("EINVAL");
    expect(enter(kernel, mapFd, loadText(kernel, "xdp", PASS))).toBe("granted");
    expect(enter(kernel, mapFd, extension(PASS))).toBe("EINVAL");
  });
});
