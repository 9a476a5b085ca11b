import { buildCfg } from "../../../src/cfg/index.ts";
import { checkForm, decode, encode, isWide, lookup } from "../../../src/isa/index.ts";
import { defaultLayout, PROGRAM_TYPES } from "../../../src/platform/index.ts";
import { BpfMapType } from "../../../src/uapi/index.ts";
import { type FixupMap, fixup } from "../../../src/verifier/index.ts";
import { joined } from "../bytes-mutator.ts";
import { mutateInsns } from "../insns-mutator.ts";
import { attempt, demand } from "../oracle.ts";
import type { Target } from "../target.ts";
import { programs } from "./asm.ts";

const MAPS: readonly FixupMap[] = [
  BpfMapType.HASH,
  BpfMapType.ARRAY,
  BpfMapType.PERCPU_ARRAY,
  BpfMapType.PROG_ARRAY,
].map((type, index) => ({
  type,
  id: index + 1,
  keySize: 4,
  valueSize: 8,
  maxEntries: 2,
  flags: 0,
  address: 0xffff_8000_0001_0000n + BigInt(index) * 0x1000n,
  valueAddress: 0xffff_8000_0001_0400n + BigInt(index) * 0x1000n,
}));

const layout = defaultLayout();

/** Well-formed programs of any type, turned into what runs. The first byte of an input chooses the type. */
export const fixups: Target = {
  name: "fixups",
  corpus: () => programs().map((program) => joined(Uint8Array.of(program.length), encode(program))),
  mutate(random, corpus) {
    const bodies = corpus.map((bytes) => bytes.subarray(1));
    return joined(Uint8Array.of(random.u32()), mutateInsns(random, bodies));
  },
  run(input) {
    const type = PROGRAM_TYPES[(input[0] ?? 0) % PROGRAM_TYPES.length]!;
    const insns = decode(input.slice(1));
    if (checkForm(insns, { limit: 1 }).length > 0) return;
    buildCfg(insns);
    const maps = new Map<number, FixupMap>();
    for (const [slot, insn] of insns.entries()) {
      if (isWide(insn) && lookup(insn)?.name !== "ld_imm64_imm" && insn.src <= 2)
        maps.set(slot, MAPS[insn.imm & 3]!);
    }
    for (const target of ["tsbpf", "linux-x86_64"] as const) {
      const made = attempt(input.length, () =>
        fixup({ insns, type, expectedAttachType: 0, maps }, { target, layout }),
      );
      if (made === undefined) continue;
      demand(made.slotMap.length === insns.length + 1, "slots are lost");
      for (const slot of made.slotMap)
        demand(slot >= 0 && slot <= made.insns.length, `slot ${slot} does not exist`);
      if (target === "tsbpf") buildCfg(made.insns);
    }
  },
};
