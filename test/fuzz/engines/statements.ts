import { type InsnRow, ROWS } from "../../../src/isa/index.ts";
import { arena, arenaPages } from "./arena.ts";
import { aggregate, callback, localCall, mapCall, simpleHelper, throwing } from "./calls.ts";
import type { Label } from "./code.ts";
import { container } from "./containers.ts";
import { cpumask } from "./cpumasks.ts";
import type { Draft } from "./draft.ts";
import { dynptr } from "./dynptrs.ts";
import { guarded } from "./guarded.ts";
import {
  atomic,
  chosenPointer,
  indexed,
  ladder,
  load,
  place,
  reread,
  spilledPointer,
  store,
  storeLadder,
} from "./memory.ts";
import { iteration, section, strings } from "./sections.ts";

const usable = (row: InsnRow) => row.group !== "internal";
const ALU = ROWS.filter(
  (row) => (row.kind === "alu" || row.kind === "neg" || row.kind === "end") && usable(row),
);
const NARROW = ALU.filter(({ width }) => width === 32);
const BRANCHES = ROWS.filter((row) => row.kind === "branch" && usable(row));

const DEEPEST = 3;

/** Statements until there is no more place for them. */
export function statements(draft: Draft, most: number): void {
  draft.nesting++;
  const end = draft.left - most;
  while (draft.left > Math.max(end, 0)) statement(draft);
  draft.nesting--;
}

function statement(draft: Draft): void {
  const { random, features } = draft;
  const nests = draft.nesting <= DEEPEST;
  switch (random.below(29)) {
    case 0:
    case 1:
      load(draft, place(draft), draft.target());
      return;
    case 2:
    case 3:
      store(draft, place(draft));
      return;
    case 4:
      if (features.ladders) (random.oneIn(4) ? storeLadder : ladder)(draft);
      return;
    case 5:
      if (features.atomics) atomic(draft);
      return;
    case 6:
      indexed(draft);
      return;
    case 7:
    case 8:
      if (nests) choice(draft);
      return;
    case 9:
      if (nests && features.loops) loop(draft);
      return;
    case 10:
      if (features.pointers) chosenPointer(draft, condition);
      return;
    case 11:
      if (features.pointers && nests) spilledPointer(draft, () => statements(draft, 8));
      return;
    case 12:
      if (features.maps && !draft.busy) mapCall(draft, (limit) => statements(draft, limit));
      return;
    case 13:
      if (!draft.busy && random.oneIn(2)) simpleHelper(draft);
      return;
    case 14:
      if (features.calls && !draft.busy) localCall(draft);
      else if (features.callbacks && !draft.busy) callback(draft);
      return;
    case 15:
      if (features.callbacks && !draft.busy) callback(draft);
      return;
    case 16:
      if (draft.exit !== null && random.oneIn(2)) leave(draft, draft.exit);
      return;
    case 17:
      aggregate(draft);
      return;
    case 18:
      reread(draft);
      return;
    case 19:
    case 20:
    case 21:
    case 22:
      further(draft);
      return;
    default:
      arithmetic(draft);
  }
}

/** What only some programs have. */
function further(draft: Draft): void {
  const { features, random, busy } = draft;
  const nests = draft.nesting <= DEEPEST;
  const body = (limit: number) => statements(draft, limit);
  const kinds: (() => void)[] = [];
  if (features.arena && nests) kinds.push(() => arena(draft, body));
  if (!busy) {
    if (features.cpumasks) kinds.push(() => cpumask(draft));
    if (features.arena && features.type === "syscall") kinds.push(() => arenaPages(draft, body));
    if (features.containers) kinds.push(() => container(draft));
    if (features.strings) kinds.push(() => strings(draft));
    if (features.throws) kinds.push(() => throwing(draft, condition));
    if (features.dynptrs && nests) kinds.push(() => dynptr(draft, body));
    if (features.locks && nests) kinds.push(() => guarded(draft, body));
    if (features.sections && nests) kinds.push(() => section(draft, body));
    if (features.iterators && nests) kinds.push(() => iteration(draft, body));
  }
  if (kinds.length > 0) random.pick(kinds)();
}

export function arithmetic(draft: Draft): void {
  const { random } = draft;
  const row = random.pick(draft.features.narrow && !random.oneIn(4) ? NARROW : ALU);
  const reads = row.dstAccess !== "write";
  const dst = reads ? draft.variable() : draft.target();
  const src = row.src === "register" && row.srcAccess !== "none" ? draft.scalar() : 0;
  draft.put(row, dst, src, 0, row.source === "imm" ? operand(draft, row) : 0);
  draft.sets(dst);
}

/** A number that the verifier takes. */
function operand(draft: Draft, { name, width }: InsnRow): number {
  const { random } = draft;
  if (/^(lsh|rsh|arsh)/.test(name))
    return random.oneIn(2) ? random.below(width) : random.pick([8, 16, 24, width / 2]);
  if (/^s?(div|mod)/.test(name)) {
    const number = random.oneIn(3) ? 1 << random.below(31) : draft.word();
    return number === 0 ? 3 : number;
  }
  return draft.word();
}

/** A conditional jump. */
export function condition(draft: Draft, label: Label): void {
  const { random } = draft;
  const row = random.pick(BRANCHES);
  const dst = draft.scalar();
  const src = row.src === "register" ? draft.scalar() : 0;
  draft.left--;
  draft.code.to(label, row, dst, src, row.source === "imm" ? draft.word() : 0);
}

function choice(draft: Draft): void {
  const { random, code } = draft;
  const otherwise = code.label();
  condition(draft, otherwise);
  const before = draft.scalars;
  statements(draft, 1 + random.below(12));
  const after = draft.scalars;
  draft.scalars = before;
  if (random.oneIn(2)) {
    code.bind(otherwise);
  } else {
    const end = code.label();
    jump(draft, end);
    code.bind(otherwise);
    statements(draft, 1 + random.below(10));
    code.bind(end);
  }
  draft.scalars &= after;
}

function jump(draft: Draft, label: Label): void {
  draft.left--;
  draft.code.to(label, draft.random.oneIn(4) ? "gotol" : "ja");
}

/** Out of the loop around, where a condition holds. */
function leave(draft: Draft, exit: NonNullable<Draft["exit"]>): void {
  condition(draft, exit.label);
  exit.scalars &= draft.scalars;
}

/** A loop with a counter of its own, entered at its head or in its middle. */
function loop(draft: Draft): void {
  const { random, code, features } = draft;
  const counter = [8, 7].find((register) => (draft.locked & (1 << register)) === 0);
  if (counter === undefined || draft.loops >= 2 - Math.min(draft.depth, 1)) return;
  const rounds = 1 + random.below(features.live ? 4 : draft.loops > 0 ? 4 : 12);
  const down = random.oneIn(3);
  draft.put(random.oneIn(2) ? "mov64_k" : "mov32_k", counter, 0, 0, down ? rounds : 0);
  draft.sets(counter);
  draft.locked |= 1 << counter;
  draft.loops++;
  const around = draft.exit;
  const head = code.label();
  const exit = { label: code.label(), scalars: draft.scalars };
  draft.exit = exit;
  const atHead = draft.scalars;
  const middle = random.oneIn(5) ? code.label() : null;
  if (middle !== null) condition(draft, middle);
  const start = draft.scalars;
  code.bind(head);
  if (features.mayGoto && random.oneIn(2)) {
    draft.left--;
    code.to(exit.label, "may_goto");
  }
  statements(draft, 2 + random.below(14));
  draft.restore(start);
  if (middle !== null) {
    code.bind(middle);
    statements(draft, 2 + random.below(8));
    draft.restore(start);
  }
  draft.put(down ? "sub64_k" : random.oneIn(2) ? "add64_k" : "add32_k", counter, 0, 0, 1);
  draft.left--;
  if (down) code.to(head, random.pick(["jne64_k", "jsgt64_k", "jne32_k"]), counter, 0, 0);
  else code.to(head, random.pick(["jlt64_k", "jlt32_k", "jslt64_k", "jne64_k"]), counter, 0, rounds);
  code.bind(exit.label);
  draft.scalars = atHead & exit.scalars & start;
  draft.exit = around;
  draft.loops--;
  draft.locked &= ~(1 << counter);
}
