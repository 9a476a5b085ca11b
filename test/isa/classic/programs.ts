import fc from "fast-check";
import {
  ANCILLARY_OPS,
  CLASSIC_OPS,
  classicOp,
  SKF_AD_OFF,
  SKF_LL_OFF,
  SKF_NET_OFF,
  type SkBuffLayout,
  type SockFilter,
} from "../../../src/isa/index.ts";

/** Offsets as in one build of Linux 6.18. */
export const layout: SkBuffLayout = {
  skBuff: {
    len: 112,
    dataLen: 116,
    data: 200,
    dev: 16,
    protocol: 180,
    pktType: 128,
    queueMapping: 124,
    mark: 168,
    hash: 148,
    vlanTci: 154,
    vlanProto: 152,
    vlanAll: 152,
  },
  netDevice: { ifindex: 224, type: 250 },
};

/** Codes by what is written: `op("ldh", "abs", 12)`. */
export function op(mnemonic: string, operand: string, k = 0, jt = 0, jf = 0): SockFilter {
  const row = CLASSIC_OPS.find((row) => row.mnemonic === mnemonic && row.operand === operand);
  if (row === undefined) throw new Error(`no classic instruction ${mnemonic} ${operand}`);
  return { code: row.code, jt, jf, k: k >>> 0 };
}

const ROWS = CLASSIC_OPS.filter((row) => row.known);
/** Words of scratch memory that every generated program writes first. */
const WORDS = 3;

const anyWord = fc.oneof(
  fc.nat(40),
  fc.integer({ min: -40, max: 0 }),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);
const offset = fc.oneof(
  { weight: 6, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.nat(0x1_0000) },
  { weight: 1, arbitrary: fc.nat(30).map((at) => SKF_NET_OFF + at) },
  { weight: 1, arbitrary: fc.nat(30).map((at) => SKF_LL_OFF + at) },
);
const ancillary = fc.constantFrom(...ANCILLARY_OPS).map((row) => SKF_AD_OFF + row.offset);

interface Draft {
  readonly row: (typeof ROWS)[number];
  readonly word: number;
  readonly offset: number;
  readonly ancillary: number;
  readonly isAncillary: boolean;
  readonly jt: number;
  readonly jf: number;
}

const draft: fc.Arbitrary<Draft> = fc.record({
  row: fc.constantFrom(...ROWS.filter((row) => row.mnemonic !== "ret"), ...ROWS),
  word: anyWord,
  offset,
  ancillary,
  isAncillary: fc.integer({ min: 0, max: 3 }).map((choice) => choice === 0),
  jt: fc.oneof(fc.constant(0), fc.nat(6)),
  jf: fc.oneof(fc.constant(0), fc.nat(6)),
});

function constantOf({ row, word, offset, ancillary, isAncillary }: Draft): number {
  switch (row.operand) {
    case "abs":
      return isAncillary ? ancillary : offset;
    case "ind":
    case "msh":
      return offset;
    case "mem":
      return Math.abs(word) % WORDS;
    default:
      if (row.mnemonic === "lsh" || row.mnemonic === "rsh") return word & 31;
      if (row.mnemonic === "div" || row.mnemonic === "mod") return word | 1;
      return word;
  }
}

/** Programs that Linux accepts: every instruction and ancillary load, forward jumps of every form. */
export const validProgram: fc.Arbitrary<SockFilter[]> = fc
  .tuple(anyWord, anyWord, fc.array(draft, { maxLength: 24 }), fc.constantFrom("dec", "a"))
  .map(([first, second, drafts, result]) => {
    const program = [op("ld", "hex", first), op("ldx", "hex", second)];
    for (let word = 0; word < WORDS; word++) program.push(op(word === 1 ? "stx" : "st", "mem", word));
    const length = program.length + drafts.length + 1;
    for (const item of drafts) {
      const room = length - program.length - 2;
      const { code, operand, conditional } = item.row;
      const k = operand === "target" ? Math.min(item.jt, room) : constantOf(item) >>> 0;
      const jumps = conditional
        ? { jt: Math.min(item.jt, room), jf: Math.min(item.jf, room) }
        : { jt: 0, jf: 0 };
      program.push({ code, k, ...jumps });
    }
    program.push(op("ret", result, result === "dec" ? first : 0));
    return program;
  });

/** Any instruction at all: known codes mostly, fields at random. */
export const anyInsn: fc.Arbitrary<SockFilter> = fc.record({
  code: fc.oneof(fc.constantFrom(...CLASSIC_OPS.map((row) => row.code)), fc.nat(0x1ff), fc.nat(0xffff)),
  jt: fc.nat(255),
  jf: fc.nat(255),
  k: fc.oneof(
    fc.nat(40),
    ancillary,
    fc.nat(0xffff_ffff),
    fc.nat(0x200).map((distance) => 0xffff_ef80 + distance),
  ),
});

/** The fields that text shows: operands and jumps that an instruction does not have are not written. */
export function shown({ code, jt, jf, k }: SockFilter): SockFilter {
  const { operand, conditional } = classicOp(code)!;
  const used = !["x", "a", "none", "len"].includes(operand);
  return { code, jt: conditional ? jt : 0, jf: conditional ? jf : 0, k: used ? k : 0 };
}
