import { displacementOf, type Insn, insnOf, isWide, lookup, rowNamed } from "../../../src/isa/index.ts";
import { allOf, type FuzzCode, type FuzzProgram } from "./program.ts";

/** Slots 0 and 1 stay: they are rewritten when the program is loaded. */
const FIRST = 2;

/**
 * A smaller program that `interesting` still says yes to: instructions become jumps to the next one, in ever smaller
 * pieces, and then go; results become 0, and it begins again. Gives what it has when the time is up.
 */
export function shrink(
  program: FuzzProgram,
  interesting: (candidate: FuzzProgram) => boolean,
  until: number,
): FuzzProgram {
  // Verifiers take no code that is never reached.
  const says = (candidate: FuzzProgram) => interesting(packed(candidate));
  const alone = { ...program, tails: [] };
  let best = program.tails.length > 0 && says(alone) ? alone : program;
  for (let before = 0; before !== sizeOf(best) && performance.now() < until; ) {
    before = sizeOf(best);
    for (let part = 0; part < allOf(best).length; part++) {
      best = packed(shrinkPart(best, part, says, until));
      best = settled(best, part, says, until);
    }
  }
  return packed(best);
}

/** Without what does nothing. */
function packed(program: FuzzProgram): FuzzProgram {
  return { ...program, main: compacted(program.main), tails: program.tails.map(compacted) };
}

function sizeOf(program: FuzzProgram): number {
  return allOf(program).reduce((sum, { insns }) => sum + insns.length, 0);
}

/** Pieces of so many slots are tried at every place: a call and its arguments go only together. */
const SHORT = 8;

const ZERO = rowNamed("mov64_k");
const RESULTS: ReadonlySet<string> = new Set(["alu", "load", "loadAcquire", "neg", "end"]);

/** Instructions that give a result give 0, where that makes no difference: others are not needed any more then. */
function settled(
  program: FuzzProgram,
  part: number,
  interesting: (candidate: FuzzProgram) => boolean,
  until: number,
): FuzzProgram {
  let best = program;
  const { insns } = allOf(program)[part]!;
  for (let slot = insns.length - 1; slot >= FIRST && performance.now() < until; slot--) {
    const insn = insns[slot]!;
    const row = isWide(insns[slot - 1]!) ? undefined : lookup(insn);
    if (row === undefined || row === ZERO || !RESULTS.has(row.kind)) continue;
    const { insns: now, catcher } = allOf(best)[part]!;
    const zero = insnOf(ZERO, insn.dst, 0, 0, 0);
    const candidate = withPart(best, part, { insns: now.with(slot, zero), catcher });
    if (interesting(candidate)) best = candidate;
  }
  return best;
}

function shrinkPart(
  program: FuzzProgram,
  part: number,
  interesting: (candidate: FuzzProgram) => boolean,
  until: number,
): FuzzProgram {
  let best = program;
  const count = allOf(program)[part]!.insns.length;
  for (let size = Math.ceil(count / 2); size >= 1; size = size > SHORT / 2 ? Math.ceil(size / 2) : size - 1) {
    for (let at = count - size; at > FIRST - size; at -= size > SHORT ? size : 1) {
      if (performance.now() > until) return best;
      const start = Math.max(FIRST, at);
      const candidate = withPart(best, part, without(allOf(best)[part]!, start, at + size));
      if (interesting(candidate)) best = candidate;
    }
  }
  return best;
}

function withPart(program: FuzzProgram, part: number, code: FuzzCode): FuzzProgram {
  if (part === 0) return { ...program, main: code };
  return { ...program, tails: program.tails.with(part - 1, code) };
}

const NOTHING: Insn = insnOf(rowNamed("ja"), 0, 0, 0, 0);

function isNothing({ opcode, off }: Insn): boolean {
  return opcode === NOTHING.opcode && off === 0;
}

/** Nothing in the slots from `start` to `end`, but for exits: code must not run out. */
function without({ insns, catcher }: FuzzCode, start: number, end: number): FuzzCode {
  const left = insns.map((insn, slot) => {
    const second = slot > 0 && isWide(insns[slot - 1]!);
    const from = second ? slot - 1 : slot;
    const taken = from >= start && from < end;
    return taken && lookup(insns[from]!)?.kind !== "exit" ? NOTHING : insn;
  });
  return { insns: withoutLost(left, catcher), catcher };
}

/** Nothing where no path leads: no verifier takes that. */
function withoutLost(insns: readonly Insn[], catcher: number): readonly Insn[] {
  const seen = new Set<number>();
  const open = [0, catcher];
  for (let slot = open.pop(); slot !== undefined; slot = open.pop()) {
    const insn = insns[slot];
    if (insn === undefined || seen.has(slot)) continue;
    seen.add(slot);
    const row = lookup(insn);
    if (isWide(insn)) seen.add(slot + 1);
    const displacement = row === undefined ? undefined : displacementOf(insn, row);
    if (displacement !== undefined) open.push(slot + 1 + displacement);
    const goesOn = row?.kind !== "exit" && row?.kind !== "goto";
    if (goesOn) open.push(slot + (isWide(insn) ? 2 : 1));
  }
  return insns.map((insn, slot) => (seen.has(slot) ? insn : NOTHING));
}

/** Without the jumps to the next instruction. */
function compacted({ insns, catcher }: FuzzCode): FuzzCode {
  const positions: number[] = [];
  let kept = 0;
  for (const insn of insns) {
    positions.push(kept);
    if (!isNothing(insn)) kept++;
  }
  positions.push(kept);
  const left = insns.flatMap((insn, slot) => {
    if (isNothing(insn)) return [];
    const row = slot > 0 && isWide(insns[slot - 1]!) ? undefined : lookup(insn);
    const displacement = row === undefined ? undefined : displacementOf(insn, row);
    if (row === undefined || displacement === undefined) return [insn];
    const moved = positions[slot + 1 + displacement]! - positions[slot]! - 1;
    return [row.off === "target" ? { ...insn, off: moved } : { ...insn, imm: moved }];
  });
  return { insns: left, catcher: positions[catcher]! };
}
