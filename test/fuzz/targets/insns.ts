import {
  disasm,
  disassemble,
  objdumpText,
  verifierLogText,
  xlatedJson,
  xlatedText,
} from "../../../src/asm/index.ts";
import { hexOf } from "../../../src/base/index.ts";
import {
  buildCfg,
  dominates,
  dominatorsOf,
  dotGraph,
  isReachable,
  loopsOf,
  orderOf,
} from "../../../src/cfg/index.ts";
import { checkForm, decode, encode, type Insn } from "../../../src/isa/index.ts";
import { mutateInsns } from "../insns-mutator.ts";
import { attempt, demand } from "../oracle.ts";
import type { Target } from "../target.ts";
import { firstChange, programs, reassembled } from "./asm.ts";

/** Streams of instructions: checked, listed in all ways, read back, and drawn as graphs. */
export const insns: Target = {
  name: "insns",
  corpus: () => programs().map((program) => encode(program)),
  mutate: mutateInsns,
  run(input) {
    const program = decode(input);
    const hex = hexOf(input);
    demand(hexOf(encode(program)) === hex, "encoding is not the inverse of decoding");
    const big = encode(program, { endian: "big" });
    demand(hexOf(encode(decode(big, { endian: "big" }))) === hex, "big-endian programs read as others");
    for (const { slot, reason } of checkForm(program)) {
      demand(
        slot >= 0 && slot <= program.length && reason !== "",
        () => `problem at slot ${slot}: ${reason}`,
      );
    }
    // In turn, by what the input is: all of it for each would leave little time for other inputs.
    const turn = input.reduce((sum, byte) => sum + byte, 0);
    readBack(program, hex, turn);
    list(program, turn);
    const callTarget = turn % 2 === 0 ? "imm" : "off";
    attempt(input.length, () => graph(program, callTarget));
    if (turn % 5 === 0) dotGraph(program, { insn: (slot) => disasm(program, slot) }, { callTarget });
  },
};

function readBack(program: readonly Insn[], hex: string, turn: number): void {
  const dialect = (turn & 1) === 0 ? "pseudoc" : "ubpf";
  const labels = (turn & 2) === 0;
  const again = reassembled(disassemble(program, { dialect, labels }), dialect);
  demand(again === hex, () => `printed in ${dialect}, labels ${labels}: ${firstChange(hex, again)}`);
}

function list(program: readonly Insn[], turn: number): void {
  switch (turn % 5) {
    case 0:
      xlatedText(program, {}, { opcodes: true });
      break;
    case 1:
      xlatedText(program, {}, { opcodes: true, endian: "big" });
      break;
    case 2:
      xlatedJson(program, {}, { opcodes: true });
      break;
    case 3:
      verifierLogText(program);
      break;
    default:
      objdumpText("program", [{ name: "text", insns: program, symbols: [] }]);
  }
}

function graph(program: readonly Insn[], callTarget: "imm" | "off"): void {
  const cfg = buildCfg(program, { callTarget });
  const order = orderOf(cfg);
  const dominators = dominatorsOf(cfg, order);
  loopsOf(cfg, order, dominators);
  for (const { entry, endBlock } of cfg.functions) {
    for (let block = entry; block < endBlock; block++) {
      if (isReachable(order, block)) {
        demand(dominates(dominators, entry, block), () => `block ${block} is reached around its entry`);
      }
    }
  }
}
