import { arithmetic } from "./arithmetic.ts";
import { type Draft, SCALAR } from "./draft.ts";
import { lookup } from "./memory.ts";

const SIMPLE = ["bpf_ktime_get_ns", "bpf_get_prandom_u32", "bpf_get_smp_processor_id"] as const;

/** A helper that takes nothing. */
export function simpleCall(draft: Draft): void {
  draft.emit(`call ${draft.random.pick(SIMPLE)}`);
  draft.called(SCALAR);
}

/** An update or a deletion of an element. */
export function mapUpdate(draft: Draft): void {
  const { random } = draft;
  const map = random.pick(draft.maps.filter(({ valueSize }) => valueSize <= 16));
  if (map === undefined) return;
  draft.usedMaps.add(map);
  const off = 96 + map.keySize;
  draft.emit(`*(u${map.keySize * 8} *)(r10 - ${off}) = ${random.below(6)}`);
  const deleted = random.oneIn(3);
  const words = map.valueSize / 8;
  if (!deleted) {
    for (let i = 0; i < words; i++) draft.emit(`*(u64 *)(r10 - ${128 + 8 * (i + 1)}) = ${random.below(9)}`);
  }
  draft.emit(`r1 = %${map.name}`, "r2 = r10", `r2 += -${off}`);
  draft.budget--;
  if (deleted) draft.emit("call bpf_map_delete_elem");
  else {
    draft.emit("r3 = r10", `r3 += -${128 + map.valueSize}`, "r4 = 0", "call bpf_map_update_elem");
  }
  draft.called(SCALAR);
}

/** Memory of a helper whose size is a number. */
export function sizedCall(draft: Draft, out: string): void {
  const { random } = draft;
  const bytes = 8 * (1 + random.below(3));
  if (draft.fixedKinds > 0) return;
  for (let slot = 0; slot < bytes / 8; slot++) {
    if (draft.state.stack[slot]?.kind === "scalar") continue;
    draft.emit(`*(u64 *)(r10 - ${8 * (slot + 1)}) = ${random.below(9)}`);
    draft.state.stack[slot] = SCALAR;
  }
  const size = draft.scalar();
  if (random.oneIn(2)) draft.emit(`if r${size} > ${bytes} goto ${out}`, `r4 = r${size}`);
  else draft.emit(`r4 = r${size}`, `r4 &= ${bytes - 1}`);
  if (random.oneIn(2)) draft.emit("r4 &= -4");
  draft.emit("r3 = r10", `r3 += -${bytes}`, "r1 = 0", "r2 = 0", "r5 = 0", "call bpf_csum_diff");
  draft.called(SCALAR);
}

/** A record of a ring buffer: reserved, tested, filled, given back. */
export function record(draft: Draft): void {
  const { random } = draft;
  const { ring } = draft;
  if (ring === null) return;
  draft.usedMaps.add(ring);
  const skip = draft.label();
  const size = 8 * (1 + random.below(4));
  draft.emit(`r1 = %${ring.name}`, `r2 = ${size}`, "r3 = 0", "call bpf_ringbuf_reserve");
  draft.budget--;
  draft.called(undefined);
  const before = draft.snapshot();
  draft.emit(`if r0 == 0 goto ${skip}`, `*(u64 *)(r0 + ${8 * random.below(size / 8)}) = 1`);
  if (!random.oneIn(30)) {
    draft.emit("r1 = r0", "r2 = 0", `call bpf_ringbuf_${random.pick(["submit", "discard"])}`);
  }
  draft.called(undefined);
  draft.place(skip);
  draft.meet(before);
}

/** Looks a value up and tests it later, after a copy. */
export function lateTest(draft: Draft, out: string): void {
  const map = draft.random.pick(draft.maps);
  if (draft.fixedKinds > 0) return;
  draft.usedMaps.add(map);
  lookup(draft, map);
  const saved = [6, 7, 8, 9].filter((register) => !draft.kept.has(register));
  if (saved.length === 0) return;
  const copy = draft.random.pick(saved);
  draft.emit(`r${copy} = r0`);
  draft.set(copy, draft.get(0));
  if (draft.random.oneIn(2)) arithmetic(draft);
  if (draft.get(copy)?.kind !== "maybe") return;
  draft.emit(draft.random.oneIn(30) ? `if r${copy} != 0 goto ${out}` : `if r${copy} == 0 goto ${out}`);
  draft.set(copy, { kind: "value", map, left: map.valueSize });
  if (draft.get(0)?.kind === "maybe") draft.set(0, { kind: "value", map, left: map.valueSize });
}
