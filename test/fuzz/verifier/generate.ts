import type { Random } from "../random.ts";
import { arithmetic, condition, link } from "./arithmetic.ts";
import { lateTest, mapUpdate, record, simpleCall, sizedCall } from "./calls.ts";
import { Draft, type DraftMap, SCALAR } from "./draft.ts";
import { indexedStack, packetAccess, stack, valueAccess } from "./memory.ts";
import { mutated } from "./mistakes.ts";

const MAPS: readonly DraftMap[] = [
  { name: "cells", text: "array, key 4, value 64, entries 1", keySize: 4, valueSize: 64, direct: true },
  { name: "table", text: "hash, key 8, value 16, entries 4", keySize: 8, valueSize: 16, direct: false },
  { name: "counts", text: "array, key 4, value 8, entries 16", keySize: 4, valueSize: 8, direct: false },
];
const RING: DraftMap = {
  name: "ring",
  text: "ringbuf, entries 4096",
  keySize: 0,
  valueSize: 0,
  direct: false,
};

interface Kind {
  readonly type: string;
  readonly attachType?: string;
  readonly packet: Draft["packet"];
  readonly fields: readonly number[];
  readonly fieldSize: "u32" | "u64";
  /** What it may return; null: anything. */
  readonly returns: readonly number[] | null;
}

const SKB = { data: 76, end: 80 };
const SKB_FIELDS = [0, 4, 8, 16, 24, 32, 40];
const KINDS: readonly Kind[] = [
  { type: "sched_cls", packet: SKB, fields: SKB_FIELDS, fieldSize: "u32", returns: null },
  { type: "socket_filter", packet: null, fields: [0, 4, 16, 24, 32], fieldSize: "u32", returns: null },
  { type: "xdp", packet: { data: 0, end: 4 }, fields: [12, 16], fieldSize: "u32", returns: null },
  { type: "cgroup_skb", packet: SKB, fields: [0, 4, 16, 24], fieldSize: "u32", returns: [0, 1] },
  { type: "raw_tracepoint", packet: null, fields: [0, 8, 16], fieldSize: "u64", returns: null },
  { type: "kprobe", packet: null, fields: [0, 8, 96, 112], fieldSize: "u64", returns: null },
];

/** Lines of a program and what stands before them in a case file. */
export interface Generated {
  readonly head: readonly string[];
  readonly code: readonly string[];
}

/** Most instructions of the main function, but for what its last statements need; others are shorter. */
const LONGEST = 250;

/** Those that BPF_PROG_TEST_RUN runs. */
const RUNNABLE: readonly Kind[] = KINDS.filter(({ type }) => type !== "kprobe");

export interface GenerateOptions {
  /** Of a type that can be run for a test. */
  readonly runnable?: boolean;
  /** One bound of so many is not quite one: 25 unless told. */
  readonly slipOneIn?: number;
}

/**
 * A program that means something to a verifier: about one of two is accepted. It follows from `random` and the options
 * alone.
 */
export function generate(random: Random, options: GenerateOptions = {}): Generated {
  return new Generator(random, options).program();
}

interface Sub {
  readonly name: string;
  /** What stands in r1 and r2. */
  readonly pointer: boolean;
  readonly lines: string[];
}

class Generator {
  readonly #random: Random;
  readonly #kind: Kind;
  readonly #slipOneIn: number;
  readonly #labels = { next: 0 };
  readonly #subs: Sub[] = [];
  readonly #used = new Set<DraftMap>();
  #callbacks = 0;
  #loopRounds = 1;

  constructor(random: Random, { runnable = false, slipOneIn = 25 }: GenerateOptions) {
    this.#random = random;
    this.#kind = random.pick(runnable ? RUNNABLE : KINDS);
    this.#slipOneIn = slipOneIn;
  }

  program(): Generated {
    const random = this.#random;
    const draft = this.#draft(20 + random.below(LONGEST));
    draft.set(1, { kind: "ctx" });
    draft.emit("r6 = r1");
    draft.set(6, { kind: "ctx" });
    if (random.below(5) > 0) draft.kept.add(6);
    this.#block(draft, 0, "out");
    this.#end(draft);
    this.#outcome(draft, "out", this.#result());
    const code = [...draft.lines];
    // What is never called cannot be reached, which the kernel refuses at once.
    const uncalled = new Set(this.#subs);
    for (let found = true; found; ) {
      found = false;
      for (const sub of uncalled) {
        if (!code.some((line) => line.endsWith(` ${sub.name}`) || line.includes(`[${sub.name}]`))) continue;
        code.push(`${sub.name}:`, ...sub.lines);
        uncalled.delete(sub);
        found = true;
      }
    }
    for (const sub of uncalled) this.#subs.splice(this.#subs.indexOf(sub), 1);
    return { head: this.#head(), code: mutated(random, code) };
  }

  #head(): string[] {
    const random = this.#random;
    const { type } = this.#kind;
    const flags = ["test_state_freq", "test_reg_invariants", "any_alignment", "strict_alignment"].filter(
      (_, index) => random.oneIn([3, 8, 4, 12][index]!),
    );
    const head = [`type: ${type}`];
    if (flags.length > 0) head.push(`flags: ${flags.join(" ")}`);
    for (const map of this.#used) head.push(`map ${map.name}: ${map.text}`);
    if (this.#callbacks > 0) {
      head.push("types:", "  int main(void *ctx);");
      for (const { name } of this.#subs) {
        const callback = name.startsWith("each");
        head.push(`  static int ${name}(${callback ? "__u32 index, void *ctx" : "__u64 a, __u64 b"});`);
      }
    }
    return head;
  }

  #draft(budget: number): Draft {
    const { packet, fields, fieldSize } = this.#kind;
    const ring = this.#random.oneIn(3) ? RING : null;
    return new Draft({
      random: this.#random,
      maps: MAPS,
      ring,
      packet,
      fields,
      fieldSize,
      slipOneIn: this.#slipOneIn,
      budget,
      labels: this.#labels,
    });
  }

  #result(): number {
    return this.#kind.returns === null ? this.#random.below(3) : this.#random.pick(this.#kind.returns);
  }

  #end(draft: Draft): void {
    if (this.#kind.returns === null && draft.get(0)?.kind === "scalar" && this.#random.oneIn(2))
      draft.emit("exit");
    else draft.emit(`r0 = ${this.#result()}`, "exit");
    for (const map of draft.usedMaps) this.#used.add(map);
  }

  /** Where a function goes when it has had enough, if it ever goes there. */
  #outcome(draft: Draft, out: string, result: number): void {
    if (!draft.lines.some((line) => line.endsWith(` goto ${out}`))) return;
    draft.place(out);
    draft.emit(`r0 = ${result}`, "exit");
  }

  #block(draft: Draft, depth: number, out: string): void {
    const random = this.#random;
    const { type } = this.#kind;
    let statements = depth === 0 ? 4 + random.small(60) : 1 + random.below(5);
    while (statements-- > 0 && draft.budget > 12) {
      switch (random.below(depth < 4 ? 24 : 18)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
          arithmetic(draft);
          break;
        case 5:
        case 6:
          link(draft);
          break;
        case 7:
        case 8:
        case 9:
          stack(draft);
          break;
        case 10:
          indexedStack(draft, out);
          break;
        case 11:
        case 12:
        case 13:
          valueAccess(draft, out);
          break;
        case 14:
          packetAccess(draft, out);
          break;
        case 15:
          simpleCall(draft);
          break;
        case 16:
          random.pick(
            type !== "sched_cls" && type !== "xdp"
              ? [mapUpdate, record, lateTest]
              : [mapUpdate, record, sizedCall, lateTest],
          )(draft, out);
          break;
        case 17:
          draft.emit(`if ${condition(draft)} goto ${out}`);
          break;
        case 18:
        case 19:
        case 20:
          this.#branch(draft, depth, out);
          break;
        case 21:
          this.#loop(draft, depth, out);
          break;
        case 22:
          this.#call(draft, depth);
          break;
        default:
          if (random.oneIn(3)) this.#callback(draft, depth);
          else this.#branch(draft, depth, out);
      }
    }
  }

  #branch(draft: Draft, depth: number, out: string): void {
    const otherwise = draft.label();
    draft.emit(`if ${condition(draft)} goto ${otherwise}`);
    const before = draft.snapshot();
    this.#block(draft, depth + 1, out);
    if (this.#random.oneIn(2)) {
      draft.place(otherwise);
      draft.meet(before);
      return;
    }
    const end = draft.label();
    draft.emit(`goto ${end}`);
    draft.place(otherwise);
    const after = draft.snapshot();
    draft.state = before;
    this.#block(draft, depth + 1, out);
    draft.place(end);
    draft.meet(after);
  }

  /** A loop: bounded by a counter, driven by an iterator, or ended by may_goto. */
  #loop(draft: Draft, depth: number, out: string): void {
    const random = this.#random;
    if (random.oneIn(6)) this.#iterate(draft, depth);
    else if (random.oneIn(8)) this.#mayGoto(draft, depth, out);
    else this.#count(draft, depth, out);
  }

  /** The body of a loop, whose head is here: what is believed at its end holds at its head too. */
  #body(draft: Draft, depth: number, out: string, counter: number | null): void {
    const random = this.#random;
    const entry = draft.snapshot();
    for (const [register, value] of entry.regs.entries()) {
      // At the head of the second round a number may be any.
      if (register < 6) draft.set(register, undefined);
      else if (value?.kind === "scalar" && register !== counter) draft.set(register, SCALAR);
    }
    for (const [slot, value] of entry.stack.entries()) {
      if (value?.kind === "scalar") draft.state.stack[slot] = SCALAR;
    }
    draft.fixedKinds++;
    const statements = 1 + random.below(3);
    for (let i = 0; i < statements; i++) this.#block(draft, Math.max(depth + 1, 2), out);
    draft.fixedKinds--;
  }

  #mayGoto(draft: Draft, depth: number, out: string): void {
    const [head, done] = [draft.label(), draft.label()];
    draft.place(head);
    draft.emit(`may_goto ${done}`);
    const before = draft.snapshot();
    this.#body(draft, depth, out, null);
    draft.emit(`goto ${head}`);
    draft.place(done);
    draft.meet(before);
    for (let register = 0; register < 6; register++) draft.set(register, undefined);
  }

  /** bpf_iter_num: nothing leaves the loop but by its end, where the iterator is destroyed. */
  #iterate(draft: Draft, depth: number): void {
    const random = this.#random;
    const [head, done] = [draft.label(), draft.label()];
    const place = ["r1 = r10", `r1 += -${160 + 8 * depth}`];
    draft.emit(...place, `w2 = ${random.below(3)}`, `w3 = ${random.pick([1, 5, 100, 1000])}`);
    draft.emit("call kfunc bpf_iter_num_new");
    draft.called(undefined);
    draft.place(head);
    draft.emit(...place, "call kfunc bpf_iter_num_next", `if r0 == 0 goto ${done}`);
    const before = draft.snapshot();
    const free = [7, 8, 9].filter(
      (register) => draft.get(register)?.kind === "scalar" && !draft.kept.has(register),
    );
    const number = free.length > 0 && random.oneIn(2) ? random.pick(free) : 1;
    draft.emit(`r${number} = *(${random.pick(["s32", "u32"])} *)(r0 + 0)`);
    this.#body(draft, depth, head, null);
    draft.emit(`goto ${head}`);
    draft.place(done);
    draft.meet(before);
    draft.emit(...place, "call kfunc bpf_iter_num_destroy");
    draft.called(undefined);
    for (const register of [6, 7, 8, 9]) {
      if (draft.get(register)?.kind === "scalar" && !draft.kept.has(register)) draft.set(register, SCALAR);
    }
  }

  /** A counter in a register that the body leaves alone. */
  #count(draft: Draft, depth: number, out: string): void {
    const random = this.#random;
    const saved = [7, 8, 9].filter((register) => !draft.kept.has(register));
    const rounds = 2 + random.below(Math.max(2, Math.min(20, Math.floor(60 / this.#loopRounds))));
    if (saved.length === 0 || this.#loopRounds > 30) return;
    const counter = random.pick(saved);
    const head = draft.label();
    const down = random.oneIn(4);
    draft.emit(`r${counter} = ${down ? rounds : 0}`);
    draft.set(counter, { kind: "scalar", max: rounds });
    draft.place(head);
    draft.kept.add(counter);
    this.#loopRounds *= rounds;
    this.#body(draft, depth, out, counter);
    this.#loopRounds /= rounds;
    draft.kept.delete(counter);
    const letter = random.oneIn(4) ? "w" : "r";
    if (down) draft.emit(`${letter}${counter} += -1`, `if ${letter}${counter} != 0 goto ${head}`);
    else {
      draft.emit(`${letter}${counter} += 1`);
      draft.emit(`if ${letter}${counter} ${random.pick(["<", "!=", "s<"])} ${rounds} goto ${head}`);
    }
    draft.set(counter, { kind: "scalar", max: rounds });
  }

  #call(draft: Draft, depth: number): void {
    const random = this.#random;
    const known = this.#subs.filter(({ name }) => name.startsWith("sub"));
    const sub = known.length > 0 && random.oneIn(2) ? random.pick(known) : this.#subprogram(depth);
    if (sub === null) return;
    if (sub.pointer) {
      if (draft.state.stack[0]?.kind !== "scalar") {
        if (draft.fixedKinds > 0) return;
        draft.emit("*(u64 *)(r10 - 8) = 1");
        draft.state.stack[0] = SCALAR;
      }
      draft.emit(`r2 = r${draft.scalar()}`, "r1 = r10", "r1 += -8");
    } else {
      const [a, b] = [draft.scalar(), draft.scalar()];
      if (b === 1) draft.emit(`r2 = r${b}`, `r1 = r${a}`);
      else draft.emit(`r1 = r${a}`, `r2 = r${b}`);
    }
    draft.emit(`call ${sub.name}`);
    draft.called(SCALAR);
  }

  #subprogram(depth: number): Sub | null {
    if (this.#subs.length >= 4 || depth > 2) return null;
    const random = this.#random;
    const sub: Sub = { name: `sub${this.#subs.length}`, pointer: random.oneIn(3), lines: [] };
    const draft = this.#draft(10 + random.below(40));
    draft.set(1, sub.pointer ? undefined : SCALAR);
    draft.set(2, SCALAR);
    if (sub.pointer) {
      const dst = random.pick([3, 4, 5, 7]);
      draft.emit(random.oneIn(2) ? `r${dst} = *(u64 *)(r1 + 0)` : "*(u64 *)(r1 + 0) = r2");
      draft.set(dst, random.oneIn(2) ? draft.get(dst) : draft.get(dst));
      if (draft.lines.at(-1)!.includes(`r${dst} =`)) draft.set(dst, SCALAR);
    }
    const out = draft.label();
    // Registered first, so that a body that calls does not make it anew.
    this.#subs.push(sub);
    this.#block(draft, 3, out);
    const result = draft.get(0)?.kind === "scalar" && random.below(3) > 0;
    if (!result) draft.emit(`r0 = ${random.below(8)}`);
    draft.emit("exit");
    this.#outcome(draft, out, 0);
    for (const map of draft.usedMaps) this.#used.add(map);
    sub.lines.push(...draft.lines);
    return sub;
  }

  #callback(draft: Draft, depth: number): void {
    const random = this.#random;
    if (this.#subs.length >= 4 || depth > 2 || draft.fixedKinds > 0) return;
    const sub: Sub = { name: `each${this.#subs.length}`, pointer: true, lines: [] };
    const body = this.#draft(10 + random.below(30));
    body.set(1, SCALAR);
    if (random.oneIn(2)) body.emit("r3 = *(u64 *)(r2 + 0)", "r3 += 1", "*(u64 *)(r2 + 0) = r3");
    this.#subs.push(sub);
    this.#callbacks++;
    const out = body.label();
    this.#block(body, 3, out);
    body.emit(`r0 = ${random.oneIn(20) ? 2 : random.below(2)}`, "exit");
    this.#outcome(body, out, 0);
    for (const map of body.usedMaps) this.#used.add(map);
    sub.lines.push(...body.lines);
    draft.emit(`*(u64 *)(r10 - 8) = ${random.below(4)}`);
    draft.state.stack[0] = SCALAR;
    draft.emit(`r1 = ${1 + random.below(20)}`, `r2 = subprog[${sub.name}]`, "r3 = r10", "r3 += -8", "r4 = 0");
    draft.emit("call bpf_loop");
    draft.called(SCALAR);
  }
}
