import { displacementOf, type Insn, insnOf, isWide, lookup, rowNamed } from "../../../src/isa/index.ts";
import { allOf, type FuzzProgram } from "./program.ts";

/** Slots 0 and 1 stay: they are rewritten when the program is loaded. */
const FIRST = 2;

/**
 * A smaller program that `interesting` still says yes to: instructions become jumps to the next one, in ever smaller
 * pieces, and then go. Gives what it has when the time is up.
 */
export function shrink(
  program: FuzzProgram,
  interesting: (candidate: FuzzProgram) => boolean,
  until: number,
): FuzzProgram {
  let best = program;
  for (let part = 0; part < allOf(program).length; part++) {
    best = shrinkPart(best, part, interesting, until);
    const packed = withPart(best, part, compacted(allOf(best)[part]!));
    if (interesting(packed)) best = packed;
  }
  const alone = { main: best.main, tails: [] };
  return best.tails.length > 0 && interesting(alone) ? alone : best;
}

function shrinkPart(
  program: FuzzProgram,
  part: number,
  interesting: (candidate: FuzzProgram) => boolean,
  until: number,
): FuzzProgram {
  let best = program;
  const count = allOf(program)[part]!.length;
  for (let size = Math.ceil(count / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = count - size; at > FIRST - size; at -= size) {
      if (performance.now() > until) return best;
      const start = Math.max(FIRST, at);
      const candidate = withPart(best, part, without(allOf(best)[part]!, start, at + size));
      if (interesting(candidate)) best = candidate;
    }
  }
  return best;
}

function withPart({ main, tails }: FuzzProgram, part: number, insns: readonly Insn[]): FuzzProgram {
  return part === 0 ? { main: insns, tails } : { main, tails: tails.with(part - 1, insns) };
}

const NOTHING: Insn = insnOf(rowNamed("ja"), 0, 0, 0, 0);

function isNothing({ opcode, off }: Insn): boolean {
  return opcode === NOTHING.opcode && off === 0;
}

/** Nothing in the slots from `start` to `end`, but for exits: code must not run out. */
function without(insns: readonly Insn[], start: number, end: number): readonly Insn[] {
  return insns.map((insn, slot) => {
    const second = slot > 0 && isWide(insns[slot - 1]!);
    const from = second ? slot - 1 : slot;
    const taken = from >= start && from < end;
    return taken && lookup(insns[from]!)?.kind !== "exit" ? NOTHING : insn;
  });
}

/** Without the jumps to the next instruction. */
function compacted(insns: readonly Insn[]): readonly Insn[] {
  const positions: number[] = [];
  let kept = 0;
  for (const insn of insns) {
    positions.push(kept);
    if (!isNothing(insn)) kept++;
  }
  positions.push(kept);
  return insns.flatMap((insn, slot) => {
    if (isNothing(insn)) return [];
    const row = slot > 0 && isWide(insns[slot - 1]!) ? undefined : lookup(insn);
    const displacement = row === undefined ? undefined : displacementOf(insn, row);
    if (row === undefined || displacement === undefined) return [insn];
    const moved = positions[slot + 1 + displacement]! - positions[slot]! - 1;
    return [row.off === "target" ? { ...insn, off: moved } : { ...insn, imm: moved }];
  });
}
