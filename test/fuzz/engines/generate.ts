import type { Random } from "../random.ts";
import { ARGUMENT, EACH, hop, tailCall } from "./calls.ts";
import { Code } from "./code.ts";
import { Draft, type Features, FRAME, type Pending, type WordKind } from "./draft.ts";
import { writeLess } from "./guarded.ts";
import { CONTEXT_SLOT, POINTER_SLOT, sizeName } from "./memory.ts";
import { type FuzzCode, type FuzzProgram, MAPS, mapIndex, PACKET, XdpField } from "./program.ts";
import { condition, statements } from "./statements.ts";

/** Of a main function: below it lie the words for a context and a pointer. */
const MAIN_TOP = POINTER_SLOT;
/** Statements' instructions, about: small programs are tried sooner. */
const LARGEST = [6, 10, 18, 30, 70] as const;

/**
 * A random program that the verifier accepts, by construction: registers that are read hold something, pointers lead
 * where they may, loops end. It leaves its registers and its stack in the map `out`. Plain ones have nothing that
 * only fixups make run: kfuncs, locks, arenas.
 */
export function generate(
  random: Random,
  options: { readonly live?: boolean; readonly plain?: boolean } = {},
): FuzzProgram {
  const live = options.live === true;
  const features = featuresOf(random, { live, plain: live || options.plain === true });
  const main = programOf(random, features);
  const tails = features.tails
    ? Array.from({ length: 1 + random.below(2) }, () => programOf(random, features))
    : [];
  return { type: features.type, main, tails };
}

function featuresOf(random: Random, { live, plain }: { live: boolean; plain: boolean }): Features {
  const some = () => random.oneIn(2);
  const own = (count: number) => !plain && random.oneIn(count);
  const throws = own(5);
  const type = own(6) ? "syscall" : "xdp";
  return {
    live,
    calls: some(),
    callbacks: !throws && random.oneIn(3),
    containers: own(3),
    locks: own(4),
    arena: own(type === "syscall" ? 2 : 4),
    throws,
    iterators: own(4),
    dynptrs: own(4),
    strings: own(6),
    sections: own(6),
    cpumasks: type === "syscall" && some(),
    type,
    maps: some(),
    // Programs that may sleep do not go on to others.
    tails: type === "xdp" && random.oneIn(5),
    loops: some(),
    mayGoto: some(),
    atomics: some(),
    pointers: some(),
    ladders: some(),
    narrow: random.oneIn(3),
  };
}

function programOf(random: Random, features: Features): FuzzCode {
  const code = new Code();
  const pending: Pending[] = [];
  const catcher = features.throws && random.oneIn(2) ? code.label() : null;
  if (catcher !== null) pending.push({ label: catcher, kind: "catcher", depth: 1 });
  writeMain(code, random, features, pending);
  // Functions may call further ones.
  for (let at = 0; at < pending.length; at++) writeFunction(code, random, features, pending, pending[at]!);
  return { insns: code.insns(), catcher: catcher === null ? 0 : code.slotOf(catcher) };
}

const KINDS: readonly WordKind[] = [8, 8, 8, 4, 4, 2, 1];

/** Words that pointers may lead to first, then such as are accessed in pieces of one size. */
function wordsOf(random: Random, shared: number, most: number): WordKind[] {
  const any: WordKind[] = new Array(shared).fill(0);
  const others = Array.from({ length: random.below(most) + (shared === 0 ? 1 : 0) }, () =>
    random.pick(KINDS),
  );
  return [...any, ...others];
}

function writeMain(code: Code, random: Random, features: Features, pending: Pending[]): void {
  const { calls, callbacks, pointers, maps, containers, strings, dynptrs } = features;
  const shares = pointers || maps || calls || callbacks || containers || strings || dynptrs;
  const words = wordsOf(random, random.oneIn(8) ? 8 : shares ? 4 : 0, 5);
  const left = 4 + random.below(random.pick(LARGEST));
  const draft = new Draft(code, random, { features, depth: 0, words, top: MAIN_TOP, left, pending });
  const refused = code.label();
  draft.put("ldx_w", 2, 1, XdpField.DATA);
  draft.put("ldx_w", 3, 1, XdpField.DATA_END);
  draft.put("stx_dw", FRAME, 1, CONTEXT_SLOT);
  const { type } = features;
  draft.put("mov64_x", 6, type === "xdp" ? 2 : 1);
  if (type === "xdp") {
    draft.put("add64_k", 2, 0, 0, PACKET);
    code.to(refused, "jgt64_x", 2, 3);
  }
  // A program is one with an arena where it names it.
  if (features.arena) code.map(9, mapIndex("arena"));
  code.map(9, mapIndex("globals"), 0);
  const context = { register: 6, from: 0, to: PACKET, atomics: false };
  draft.bases.push(
    type === "xdp" ? { ...context, aligned: false } : { ...context, aligned: true, alone: true },
    { register: 9, from: 0, to: 64, aligned: false, atomics: true },
  );
  for (let register = 0; register < 9; register++) {
    if (register === 6 || (register < 6 && !random.oneIn(3))) continue;
    const size = random.pick([1, 2, 4, 8, 8]);
    const step = type === "xdp" ? 1 : size;
    draft.put(
      `ldx_${sizeName(size)}`,
      register,
      6,
      step * random.below(Math.floor((PACKET - size) / step) + 1),
    );
    draft.sets(register);
  }
  fillStack(draft);
  draft.left = left;
  statements(draft, left);
  if (features.tails && random.oneIn(2)) {
    const past = code.label();
    const { scalars } = draft;
    if (random.oneIn(2)) condition(draft, past);
    if (random.oneIn(3)) hop(draft);
    else tailCall(draft);
    code.bind(past);
    draft.scalars &= scalars;
    draft.bases.shift();
    draft.left = 10;
    statements(draft, 10);
  }
  writeOut(draft);
  code.put("exit");
  if (type !== "xdp") return;
  code.bind(refused);
  code.put("mov64_k", 0, 0, 0, 0);
  code.put("exit");
}

/** Every byte of the stack holds something. */
function fillStack(draft: Draft): void {
  const { random, words, low } = draft;
  for (const [word, kind] of words.entries()) {
    const size = kind === 0 ? random.pick([8, 8, 4]) : kind;
    const name = sizeName(size);
    for (let at = 0; at < 8; at += size) {
      const offset = low + 8 * word + at;
      if (random.oneIn(3)) draft.put(`st_${name}`, FRAME, 0, offset, draft.word());
      else draft.put(`stx_${name}`, FRAME, draft.scalar(), offset);
    }
  }
}

/** Registers and the stack to the map `out`, and a number made of both to r0. */
function writeOut(draft: Draft): void {
  const { code, words, low, random } = draft;
  code.map(9, mapIndex("out"), 0);
  for (let register = 0; register < 9; register++)
    if (draft.has(register)) code.put("stx_dw", 9, register, 8 * register);
  const first = 72;
  for (const [word, kind] of words.entries()) {
    if (kind === 1 && random.oneIn(2)) continue;
    const size = kind === 0 ? 8 : kind;
    const name = sizeName(size);
    for (let at = 0; at < 8; at += size) {
      code.put(`ldx_${name}`, 1, FRAME, low + 8 * word + at);
      code.put(`stx_${name}`, 9, 1, first + 8 * word + at);
    }
  }
  sumOf(draft);
}

/** r0 = all registers, mixed. */
function sumOf(draft: Draft): void {
  const { code } = draft;
  const rest = [1, 2, 3, 4, 5, 7, 8].filter((register) => draft.has(register));
  if (!draft.has(0)) code.put("mov64_k", 0, 0, 0, 1);
  for (const register of rest) {
    code.put("mul64_k", 0, 0, 0, 31);
    code.put("xor64_x", 0, register);
  }
}

/** Bytes at r9. */
const VALUE_SIZE = {
  sub: 64,
  hop: 64,
  catcher: 64,
  loop: 64,
  each: 64,
  eachHash: 24,
  eachRecent: 16,
} as const;

function writeFunction(
  code: Code,
  random: Random,
  features: Features,
  pending: Pending[],
  { label, kind, depth }: Pending,
): void {
  const words = wordsOf(random, random.oneIn(2) ? 4 : 0, 4);
  const left = 3 + random.below(random.pick([5, 12, 30]));
  const draft = new Draft(code, random, { features, depth, words, top: POINTER_SLOT, left, pending });
  code.bind(label);
  if (kind === "less") {
    writeLess(draft);
    return;
  }
  begin(draft, kind);
  if (kind !== "hop" && kind !== "catcher")
    draft.bases.push({ register: 6, from: 0, to: ARGUMENT, aligned: true, atomics: false });
  draft.bases.push({ register: 9, from: 0, to: VALUE_SIZE[kind], aligned: false, atomics: true });
  draft.sealed = kind === "catcher";
  fillStack(draft);
  draft.left = left;
  statements(draft, left);
  if (kind === "hop") tailCall(draft);
  sumOf(draft);
  if (kind === "loop" || isEach(kind)) code.put("and64_k", 0, 0, 0, random.oneIn(3) ? 1 : 0);
  code.put("exit");
}

/** What the function was given, where calls leave it. */
function begin(draft: Draft, kind: Pending["kind"]): void {
  const { code, random } = draft;
  if (kind === "hop" || kind === "catcher") {
    if (kind === "hop") draft.put("stx_dw", FRAME, 1, CONTEXT_SLOT);
    draft.put("mov64_x", 7, kind === "hop" ? 2 : 1);
    code.map(9, mapIndex("globals"), 0);
    draft.scalars = 0b1000_0000;
  } else if (kind === "sub") {
    draft.put("mov64_x", 6, 1);
    draft.put("mov64_x", 9, 4);
    draft.put("mov64_x", 7, 2);
    draft.scalars = 0b1000_1100;
  } else if (kind === "loop") {
    draft.put("mov64_x", 6, 2);
    code.map(9, mapIndex("globals"), 0);
    draft.put("mov64_x", 7, 1);
    draft.scalars = 0b1000_0010;
  } else if (isEach(kind)) {
    draft.put("mov64_x", 6, 4);
    draft.put("mov64_x", 9, 3);
    const { keySize } = MAPS[mapIndex(EACH[kind])]!;
    draft.put(keySize === 8 ? "ldx_dw" : "ldx_w", 7, 2, 0);
    draft.scalars = 0b1000_0000;
  }
  if (random.oneIn(2)) draft.define(8);
}

function isEach(kind: Pending["kind"]): kind is keyof typeof EACH {
  return kind in EACH;
}
