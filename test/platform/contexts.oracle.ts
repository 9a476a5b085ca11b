import { expect, it } from "vitest";
import { type Insn, ProgramBuilder, r0, r1, r2 } from "../../src/isa/index.ts";
import {
  type AllowedAccess,
  type ContextAccess,
  ContextMap,
  checkArgumentAccess,
  checkFlatAccess,
  checkStructAccess,
  KernelLayout,
  returnRange,
} from "../../src/platform/index.ts";
import { describeWith } from "../support/referee.ts";
import { kindName, liveProber, type ProbeKind, probeKinds, type Verdict } from "./live-probe.ts";

/** The second one is Debian 12's: `vm-run`. */
const { needs, prober, release } = await liveProber("6.18", "6.1");

const SIZES = [
  [1, "b"],
  [2, "h"],
  [4, "w"],
  [8, "dw"],
] as const;

/** `check_ctx_access`, and what follows it where the access itself passes. */
const REFUSED = /invalid bpf_context access off=/;
const BROKEN = /error during ctx access conversion/;

describeWith(needs, "accesses to contexts, as Linux has them", () => {
  const linux = prober();
  const layout = new KernelLayout(linux.btf);
  // Plain memory is the same whatever a program is attached to; what BTF says of arguments is for the verifier's tests.
  const kinds = probeKinds().filter(
    (kind, index, all) =>
      kind.type.context.kind !== "arguments" &&
      (kind.type.context.kind === "struct" || all.findIndex(({ type }) => type === kind.type) === index) &&
      linux.loads(kind),
  );

  const ours = (kind: ProbeKind, map: ContextMap | null, access: ContextAccess): AllowedAccess | null => {
    const { context } = kind.type;
    switch (context.kind) {
      case "struct":
        return checkStructAccess(map!, access);
      case "flat":
        return checkFlatAccess(context, layout, access);
      default:
        return checkArgumentAccess(access);
    }
  };

  /** A program that makes one access and no other use of its context. */
  const accessing = (
    kind: ProbeKind,
    { offset, write, signed }: ContextAccess,
    size: (typeof SIZES)[number][1],
  ): readonly Insn[] => {
    const b = new ProgramBuilder();
    b.mov64(r0, 0);
    if (write) b.mov64(r2, 0).stx(size, r1, r2, offset);
    else if (signed) b.ldsx(size as "b", r2, r1, offset);
    else b.ldx(size, r2, r1, offset);
    const range = returnRange({ ...kind, programType: kind.type.type, kernel: release });
    return b
      .mov64(r0, range?.min ?? 0)
      .exit()
      .insns();
  };

  const answer = ({ accepted, log }: Verdict): string => {
    if (accepted) return "accepted";
    if (REFUSED.test(log)) return "refused";
    return BROKEN.test(log) ? "broken" : log.split("\n").slice(-5).join(" | ");
  };

  it.each(kinds.map((kind) => [kindName(kind), kind] as const))("%s", (_, kind) => {
    const { context } = kind.type;
    const map = context.kind === "struct" ? new ContextMap(context, layout) : null;
    // Of long plain memory the ends tell enough.
    const end = map?.size ?? (context.kind === "flat" && typeof context.end === "number" ? context.end : 200);
    const offsets = new Set<number>([-8, -4, -1]);
    for (let at = 0; at <= Math.min(end + 8, 240); at++) offsets.add(at);
    for (let at = end - 10; at <= end + 8; at++) if (at >= 0 && at < 0x7fff) offsets.add(at);
    const wrong: string[] = [];
    for (const offset of offsets) {
      for (const [size, name] of SIZES) {
        for (const [write, signed] of [
          [false, false],
          [true, false],
          [false, true],
        ] as const) {
          if (signed && (size === 8 || offset % size !== 0 || release === "6.1")) continue;
          const access = { offset, size, write, signed, expectedAttachType: kind.expectedAttachType };
          const allowed = ours(kind, map, access);
          const says = answer(linux.try(kind, accessing(kind, access, name)));
          const expected = allowed === null ? "refused" : allowed.gap ? "broken" : "accepted";
          if (says !== expected)
            wrong.push(
              `${write ? "write" : signed ? "ldsx" : "read"} ${offset} ${size}: ${says}, ours: ${expected}`,
            );
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
