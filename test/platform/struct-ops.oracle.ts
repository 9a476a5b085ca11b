import { expect, it } from "vitest";
import { BtfKind } from "../../src/btf/index.ts";
import { ProgramBuilder, r0, r1 } from "../../src/isa/index.ts";
import {
  KernelLayout,
  programTypeNamed,
  STRUCT_OPS_TYPES,
  structOpsMember,
  type WritableStruct,
} from "../../src/platform/index.ts";
import { describeWith } from "../support/referee.ts";
import { liveProber, type ProbeKind } from "./live-probe.ts";

const { needs, prober } = await liveProber();

const INVALID = /attach to invalid member/;
const UNSUPPORTED = /attach to unsupported member/;
const SIZES = [
  ["b", 1],
  ["h", 2],
  ["w", 4],
  ["dw", 8],
] as const;
/** The kernel's own number. */
const ENOTSUPP = 524;

function kindOf(attachTarget: string, sleepable: boolean): ProbeKind {
  return { type: programTypeNamed("struct_ops")!, expectedAttachType: 0, attachTarget, sleepable };
}

describeWith(needs, "operations of the kernel that programs implement, as Linux has them", () => {
  const linux = prober();
  const { btf } = linux;
  const layout = new KernelLayout(btf);
  const nothing = new ProgramBuilder().mov64(r0, 0).exit().insns();
  const known = [...STRUCT_OPS_TYPES.keys()].filter(
    (name) => btf.findByName(`bpf_struct_ops_${name}`, BtfKind.STRUCT) !== 0,
  );

  it("are some", () => {
    expect(known).toContain("tcp_congestion_ops");
  });

  it.each(known)("members of %s", (name) => {
    const struct = btf.type(btf.findByName(name, BtfKind.STRUCT));
    if (struct.kind !== "STRUCT") throw new Error(`${name} is no struct`);
    const wrong: string[] = [];
    for (const member of struct.members) {
      for (const sleepable of [false, true]) {
        const { errno, log } = linux.try(kindOf(`${name}.${member.name}`, sleepable), nothing);
        if (INVALID.test(log)) continue;
        const unsupported = errno === ENOTSUPP ? "not-supported" : "may-not-sleep";
        const says = UNSUPPORTED.test(log) ? unsupported : "supported";
        const ours = structOpsMember(name, member.name, sleepable);
        if (says !== ours) wrong.push(`${member.name}: ${says}, ours: ${ours}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("what may be written of a socket", () => {
    const { writes } = STRUCT_OPS_TYPES.get("tcp_congestion_ops")!;
    if (writes.kind !== "members") throw new Error("other rules");
    const wrong: string[] = [];
    for (let off = 0; off < layout.sizeOf("tcp_sock"); off++) {
      for (const [name, size] of SIZES) {
        if (off % size !== 0) continue;
        const store = new ProgramBuilder()
          .ldx("dw", r1, r1, 0)
          .st(name, r1, off, 0)
          .mov64(r0, 0)
          .exit()
          .insns();
        const { accepted } = linux.try(kindOf("tcp_congestion_ops.set_state", false), store);
        const ours = mayWrite(layout, writes.structs[0]!, off, size);
        if (accepted !== ours) wrong.push(`${off} ${size}: ${accepted}, ours: ${ours}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

function mayWrite(layout: KernelLayout, { members, ranges }: WritableStruct, off: number, size: number) {
  const fits = (path: string, inside: boolean) => {
    const { offset, size: whole } = layout.find(path)!;
    return (inside ? off >= offset : off === offset) && off + size <= offset + whole;
  };
  return members.some((path) => fits(path, false)) || ranges.some((path) => fits(path, true));
}
