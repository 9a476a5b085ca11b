import {
  CallKind,
  decode,
  encode,
  type Insn,
  isWide,
  slotsOf,
  WideKind,
  wideImm,
} from "../../../src/isa/index.ts";
import { isUnprivileged } from "./case-rights.ts";
import type { KernelTypes } from "./kernel-types.ts";
import type { VerifierCase } from "./verifier-case.ts";

/** Stands for an address of the kernel's memory. */
const ADDRESS = "ADDRESS";
/** r11: `BPF_REG_AX`, which only the verifier's own instructions use. */
const AUXILIARY = 11;
const MOV64_K = 0xb7;
const LSH64_K = 0x67;
const OR64_X = 0x4f;
const MOV64_X = 0xbf;
const MOV32_K = 0xb4;
const CALL = 0x85;
/** `BPF_MOV64_PERCPU_REG`: `insn_mov64_percpu` marks it by this offset. */
const PERCPU = -1;

/**
 * A log without what changes from load to load and from one build of a kernel to the next: addresses of maps and
 * variables, BTF ids of the kernel, times.
 */
export function maskLog(log: string, test: VerifierCase, types: KernelTypes | null): string {
  const addressed = new Set(
    test.references.flatMap(({ kind, slot }) => (kind === "map" || kind === "variable" ? [slot] : [])),
  );
  const named = test.references.flatMap((each): (readonly [RegExp, string])[] => {
    if (each.kind !== "kernelType" || types === null) return [];
    const id = types.id(each);
    return [[new RegExp(`(?<![\\w.])(?:${id}|0x${id.toString(16)})\\b`, "g"), `(${each.name})`]];
  });
  return log
    .split("\n")
    .map((line) => {
      let text = line
        .replace(/verification time \d+ usec$/, "verification time N usec")
        .replace(/(call [A-Za-z_]\w*)#\d{4,}/, "$1#KFUNC")
        .replace(/ has btf_id \d+ type /, " has btf_id N type ");
      const load = /(?:^|\s)(\d+): (?:\S{10} )?\(18\) r\d+ = (0x[0-9a-f]+)/.exec(text);
      if (load !== null && addressed.has(Number(load[1]))) {
        text = text.replace(`= ${load[2]}`, `= ${ADDRESS}`).replace(/ +; /, " ; ");
      }
      for (const [id, name] of named) text = text.replaceAll(id, name);
      return text;
    })
    .join("\n");
}

/**
 * A program after fixups without what changes from load to load: the random upper halves of
 * `BPF_F_TEST_RND_HI32`, map ids, addresses, and the distances of calls.
 */
export function maskXlated(
  bytes: Uint8Array,
  { references, rights }: Pick<VerifierCase, "references" | "rights">,
): Uint8Array {
  const insns: Insn[] = decode(bytes).map((insn) => ({ ...insn }));
  const kernelTypes = new Set(references.flatMap(({ kind, slot }) => (kind === "kernelType" ? [slot] : [])));
  const set = (at: number, imm: number) => {
    insns[at] = { ...insns[at]!, imm };
  };
  for (let at = 0; at < insns.length; at += slotsOf(insns[at]!)) {
    const insn = insns[at]!;
    if (isWide(insn)) {
      if (at + 1 >= insns.length) break;
      if (insn.src === WideKind.imm && isAddress(wideImm(insns, at))) {
        set(at, 0);
        set(at + 1, 0);
      } else if (insn.src !== WideKind.imm && insn.src !== WideKind.func) set(at, 0);
    } else if (insn.opcode === CALL && (insn.src !== CallKind.local || isUnprivileged(rights))) {
      set(at, 0);
    } else if (insn.opcode === MOV64_K && insn.dst === AUXILIARY && isRandomHalf(insns, at)) {
      set(at, 0);
    } else if (insn.opcode === MOV64_X && insn.off === PERCPU && at > 0) {
      const before = insns[at - 1]!;
      if ((before.opcode === MOV64_K || before.opcode === MOV32_K) && before.dst === insn.src) set(at - 1, 0);
    } else if (insn.opcode === MOV64_K && kernelTypes.size > 0 && insn.imm > 0xff) set(at, 0);
  }
  return encode(insns);
}

/** `r11 = RANDOM; r11 <<= 32; rD |= r11`: `opt_subreg_zext_lo32_rnd_hi32`. */
function isRandomHalf(insns: readonly Insn[], at: number): boolean {
  const [shift, or] = [insns[at + 1], insns[at + 2]];
  return (
    shift?.opcode === LSH64_K &&
    shift.dst === AUXILIARY &&
    shift.imm === 32 &&
    or?.opcode === OR64_X &&
    or.src === AUXILIARY
  );
}

/** Whether it can be an address of kernel memory on x86-64: nothing else of a program looks like one. */
function isAddress(value: bigint): boolean {
  return value >= 0xffff_8000_0000_0000n && value < 0xffff_ffff_ffff_0000n;
}
