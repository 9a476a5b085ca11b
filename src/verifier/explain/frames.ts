import type { ParsedLog } from "./log-model.ts";
import type { ProgramFacts } from "./program-facts.ts";

/** A function on a chain of calls. */
export interface Frame {
  readonly name: string;
  /** Its first slot. */
  readonly slot: number;
  /** Bytes of stack that it uses. */
  readonly bytes: number;
  /** The slot of its call of the next function of the chain; null in the last one. */
  readonly call: number | null;
}

/** Bytes that frames are padded to: of compiled programs, and of interpreted ones (`round_up_stack_depth`). */
const PADDINGS = [16, 32] as const;

/** What a frame counts for. */
export function padded(bytes: number, to: number = PADDINGS[0]): number {
  return Math.ceil(Math.max(bytes, 1) / to) * to;
}

/**
 * The chain of so many calls that takes so many bytes together, the entry function first; null where the log does not
 * say how much each function uses, or shows no such chain.
 */
export function chainOf(
  log: ParsedLog,
  program: ProgramFacts,
  calls: number,
  total: number,
): readonly Frame[] | null {
  const slots = log.functions.length > 0 ? log.functions : (program.functions ?? []).map(({ slot }) => slot);
  if (log.stackDepths.length === 0 || log.stackDepths.length !== slots.length) return null;
  const targets = callsOf(log, slots);
  for (const padding of PADDINGS) {
    const search = (at: number, frames: readonly Frame[], sum: number): readonly Frame[] | null => {
      const bytes = log.stackDepths[at]!;
      const here = { name: nameOf(log, program, slots, at), slot: slots[at]!, bytes };
      const used = sum + padded(bytes, padding);
      if (frames.length + 1 === calls) return used === total ? [...frames, { ...here, call: null }] : null;
      for (const { call, target } of targets.get(at) ?? []) {
        const found = search(target, [...frames, { ...here, call }], used);
        if (found !== null) return found;
      }
      return null;
    };
    for (let first = 0; first < slots.length; first++) {
      const found = search(first, [], 0);
      if (found !== null) return found;
    }
  }
  return null;
}

/** Calls of functions of the program, by the number of the function that they stand in. */
function callsOf(
  { steps, program }: ParsedLog,
  slots: readonly number[],
): ReadonlyMap<number, readonly { readonly call: number; readonly target: number }[]> {
  const texts = program.size > 0 ? program : new Map(steps.map(({ index, text }) => [index, text]));
  const found = new Map<number, { call: number; target: number }[]>();
  for (const [call, text] of texts) {
    const distance = /^call (?:pc)?([+-]\d+)/.exec(text)?.[1];
    if (distance === undefined) continue;
    const target = slots.indexOf(call + 1 + Number(distance));
    const from = slots.findLastIndex((slot) => slot <= call);
    if (target < 0 || from < 0) continue;
    found.set(from, [...(found.get(from) ?? []), { call, target }]);
  }
  return found;
}

function nameOf(log: ParsedLog, program: ProgramFacts, slots: readonly number[], at: number): string {
  const slot = slots[at]!;
  const told = program.functions?.find((each) => each.slot === slot)?.name;
  if (told !== undefined && told !== "") return told;
  // A function's first line is that of its name.
  const line = log.steps.find(({ index }) => index === slot)?.source?.text ?? "";
  return /(\w+)\s*\(/.exec(line)?.[1] ?? `the function at instruction ${slot}`;
}
