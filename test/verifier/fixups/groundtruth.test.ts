import { expect, it } from "vitest";
import { bytesOfHex } from "../../../src/base/index.ts";
import { AUXILIARY_REGISTER, decode, type Insn, isWide, lookup, rowNamed } from "../../../src/isa/index.ts";
import { programType } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { FixupError, type FixupMap, fixup } from "../../../src/verifier/index.ts";
import { outline } from "../../support/outline.ts";
import { describeWith, groundtruth } from "../../support/referee.ts";
import { exampleMap, layout } from "./support.ts";

interface Case {
  readonly descr: string;
  readonly insns: string;
  readonly prog_type: number;
  readonly expected_attach_type: number;
  readonly fixups: { readonly [kind: string]: readonly number[] };
  readonly linux_6_18: { readonly verdict: string | null; readonly log: string; readonly xlated?: string };
}

const SHAPES: {
  readonly [kind: string]: readonly [type: number, key: number, value: number, entries: number];
} = {
  fixup_map_hash_8b: [BpfMapType.HASH, 8, 8, 1],
  fixup_map_hash_16b: [BpfMapType.HASH, 8, 16, 1],
  fixup_map_hash_48b: [BpfMapType.HASH, 8, 48, 1],
  fixup_map_array_48b: [BpfMapType.ARRAY, 4, 48, 1],
  fixup_map_array_ro: [BpfMapType.ARRAY, 4, 48, 1],
  fixup_map_array_wo: [BpfMapType.ARRAY, 4, 48, 1],
  fixup_map_array_small: [BpfMapType.ARRAY, 4, 1, 1],
  fixup_prog1: [BpfMapType.PROG_ARRAY, 4, 4, 4],
  fixup_prog2: [BpfMapType.PROG_ARRAY, 4, 4, 8],
  fixup_map_in_map: [BpfMapType.ARRAY_OF_MAPS, 4, 4, 1],
  fixup_map_ringbuf: [BpfMapType.RINGBUF, 0, 0, 4096],
  fixup_map_event_output: [BpfMapType.PERF_EVENT_ARRAY, 4, 4, 1],
};

const file = groundtruth("verifier-cases.json.gz");

describeWith([file], "recorded programs", () => {
  const cases = file.json<Case[]>();
  const CONTEXT_REASON =
    /(invalid bpf_context access|dereference of modified ctx ptr|negative offset ctx ptr) [^\n]*/;

  /** Without a load or store it was a call that Linux refused: what those make of arguments is a verifier's to know. */
  function accesses({ insns }: Case): boolean {
    return decode(bytesOfHex(insns)!).some((insn) => /^(load|store)/.test(lookup(insn)?.kind ?? ""));
  }

  function run(program: Case): readonly Insn[] {
    const maps = new Map<number, FixupMap>();
    for (const [kind, slots] of Object.entries(program.fixups)) {
      const shape = SHAPES[kind];
      if (shape === undefined) continue;
      const [type, keySize, valueSize, maxEntries] = shape;
      const map = exampleMap(type, maps.size + 1, { keySize, valueSize, maxEntries });
      for (const slot of slots) maps.set(slot, map);
    }
    const input = {
      insns: decode(bytesOfHex(program.insns)!),
      type: programType(program.prog_type || 1)!,
      expectedAttachType: program.expected_attach_type,
      maps,
    };
    return fixup(input, { target: "linux-x86_64", layout }).insns;
  }

  /** Without the random high halves that these loads asked for, and what differs from kernel to kernel. */
  function shown(insns: readonly Insn[]): string[] {
    const kept: Insn[] = [];
    const random = [rowNamed("mov64_k"), rowNamed("lsh64_k"), rowNamed("or64_x")];
    for (let slot = 0; slot < insns.length; slot++) {
      const triple = random.every((row, index) => {
        const insn = insns[slot + index];
        const register = index === 2 ? insn?.src : insn?.dst;
        return insn?.opcode === row.opcode && register === AUXILIARY_REGISTER;
      });
      if (triple) slot += 2;
      else kept.push(insns[slot]!);
    }
    return outline(
      kept.map((insn) => {
        const row = lookup(insn);
        const jumps = row?.off === "target" || row?.kind === "call";
        return { ...insn, off: jumps ? 0 : insn.off, imm: jumps || isWide(insn) ? 0 : insn.imm };
      }),
    );
  }

  it("are refused for their context accesses where Linux refuses them for that", () => {
    let compared = 0;
    for (const program of cases) {
      const reason = CONTEXT_REASON.exec(program.linux_6_18.log ?? "")?.[0];
      const context = programType(program.prog_type || 1)!.context.kind;
      if (program.linux_6_18.verdict !== "REJECT" || reason === undefined || context === "opaque") continue;
      if (!accesses(program)) continue;
      let ours = "accepted";
      try {
        run(program);
      } catch (error) {
        if (!(error instanceof FixupError)) throw error;
        ours = error.reason;
      }
      // Constants in registers are a verifier's to know.
      if (!reason.startsWith("invalid") && ours === "variable ctx access disallowed") continue;
      expect([program.descr, ours]).toEqual([program.descr, reason]);
      compared++;
    }
    expect(compared).toBeGreaterThanOrEqual(21);
  });

  it("are accepted where Linux accepts them, and most become the same without a verifier's help", () => {
    let same = 0;
    for (const program of cases) {
      const { verdict, xlated } = program.linux_6_18;
      if (verdict !== "ACCEPT" || !xlated) continue;
      const ours = shown(run(program));
      const theirs = shown(decode(bytesOfHex(xlated)!));
      if (ours.join("\n") === theirs.join("\n")) same++;
    }
    // The others lost branches that only a verifier knows to be dead, or are of types whose rewrites need its types.
    expect(same).toBeGreaterThanOrEqual(280);
  });
});
