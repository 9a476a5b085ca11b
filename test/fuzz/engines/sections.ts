import { kfunc, onStack } from "./calls.ts";
import { type Draft, FRAME } from "./draft.ts";

type Body = (limit: number) => void;

const SECTIONS = [
  ["bpf_rcu_read_lock", "bpf_rcu_read_unlock"],
  ["bpf_preempt_disable", "bpf_preempt_enable"],
  ["bpf_local_irq_save", "bpf_local_irq_restore"],
] as const;

/** Something happens while nothing else may: no grace period ends, no other task runs, no interrupt comes. */
export function section(draft: Draft, body: Body): void {
  const { random } = draft;
  const [begin, end] = random.pick(SECTIONS);
  const within = (call: (name: typeof begin | typeof end) => void) => {
    call(begin);
    draft.holding(() => body(2 + random.below(8)));
    call(end);
  };
  if (begin !== "bpf_local_irq_save") within((name) => kfunc(draft, name, "nothing"));
  else
    draft.withObject(8, (flags) =>
      within((name) => {
        onStack(draft, 1, flags);
        kfunc(draft, name, "nothing");
      }),
    );
}

/** A loop over numbers, or over the bits of words on the stack. */
export function iteration(draft: Draft, body: Body): void {
  const { random } = draft;
  if (draft.loops > 0) return;
  if (draft.shared >= 16 && random.oneIn(3)) draft.withObject(16, (at) => bits(draft, at, body));
  else draft.withObject(8, (at) => numbers(draft, at, body));
}

function numbers(draft: Draft, at: number, body: Body): void {
  const { random } = draft;
  const start = random.pick([0, 0, 1, -3, 0x7fff_fff0, -0x8000_0000]);
  if (random.oneIn(3)) {
    const end = draft.scalar();
    draft.put("mov64_x", 3, end);
    draft.put("and64_k", 3, 0, 0, 7);
    draft.put("mov64_k", 2, 0, 0, random.below(3));
  } else {
    draft.put("mov64_k", 2, 0, 0, start);
    draft.put("mov64_k", 3, 0, 0, Math.max(start + random.below(8) - 1, -(2 ** 31)));
  }
  onStack(draft, 1, at);
  kfunc(draft, "bpf_iter_num_new", "number");
  rounds(draft, at, ["bpf_iter_num_next", "bpf_iter_num_destroy"], body);
}

function bits(draft: Draft, at: number, body: Body): void {
  const { random } = draft;
  const words = random.pick([1, 1, 2, 0]);
  onStack(draft, 2, draft.sharedPlace(16));
  draft.put("mov64_k", 3, 0, 0, words);
  onStack(draft, 1, at);
  kfunc(draft, "bpf_iter_bits_new", "number");
  rounds(draft, at, ["bpf_iter_bits_next", "bpf_iter_bits_destroy"], body);
}

/** Until the iterator has no more, or something else ends it. */
function rounds(
  draft: Draft,
  at: number,
  [next, destroy]:
    | readonly ["bpf_iter_num_next", "bpf_iter_num_destroy"]
    | readonly ["bpf_iter_bits_next", "bpf_iter_bits_destroy"],
  body: Body,
): void {
  const { random, code } = draft;
  const head = code.label();
  const exit = { label: code.label(), scalars: 0 };
  code.bind(head);
  const start = draft.scalars & ~0b11_1111;
  draft.scalars = start;
  onStack(draft, 1, at);
  kfunc(draft, next, "pointer");
  draft.scalars = start;
  draft.left--;
  code.to(exit.label, "jeq64_k", 0, 0, 0);
  const value = draft.target();
  draft.put("ldx_w", value, 0, 0);
  draft.sets(value);
  exit.scalars = start;
  draft.loops++;
  draft.holding(() => {
    draft.exit = exit;
    if (random.oneIn(3)) draft.put("atomic_add_dw", 9, value, 8);
    body(2 + random.below(8));
  }, true);
  draft.loops--;
  draft.restore(start);
  draft.left--;
  code.to(head, "ja");
  code.bind(exit.label);
  draft.scalars = exit.scalars & start;
  onStack(draft, 1, at);
  kfunc(draft, destroy, "nothing");
}

const LETTERS = [0x61, 0x62, 0x41, 0x42, 0xe4, 0xc4, 0x80, 0] as const;

/** Two strings of up to seven bytes on the stack are compared, measured or searched. */
export function strings(draft: Draft): void {
  const { random } = draft;
  if (draft.shared < 16) return;
  const [one, other] = [draft.sharedPlace(8), draft.sharedPlace(8)];
  for (const place of [one, other]) {
    const from = random.below(3);
    for (let at = from; at < from + 4 && at < 7; at++)
      if (random.oneIn(2)) draft.put("st_b", FRAME, 0, place + at, random.pick(LETTERS));
    draft.put("st_b", FRAME, 0, place + 7, 0);
  }
  onStack(draft, 1, one);
  const name = random.pick(STRINGS);
  if (name === "bpf_strlen") {
    kfunc(draft, name, "number");
    return;
  }
  if (name === "bpf_strnlen") draft.put("mov64_k", 2, 0, 0, random.below(10));
  else if (name.endsWith("chr") || name.endsWith("chrnul")) {
    draft.put("mov64_k", 2, 0, 0, random.pick(LETTERS));
    if (name === "bpf_strnchr") {
      draft.put("mov64_k", 3, 0, 0, random.pick(LETTERS));
      draft.put("mov64_k", 2, 0, 0, random.below(10));
    }
  } else {
    onStack(draft, 2, other);
    if (name === "bpf_strnstr") draft.put("mov64_k", 3, 0, 0, random.below(10));
  }
  kfunc(draft, name, "number");
}

const STRINGS = [
  "bpf_strcmp",
  "bpf_strcasecmp",
  "bpf_strchr",
  "bpf_strchrnul",
  "bpf_strnchr",
  "bpf_strrchr",
  "bpf_strlen",
  "bpf_strnlen",
  "bpf_strspn",
  "bpf_strcspn",
  "bpf_strstr",
  "bpf_strnstr",
] as const;
