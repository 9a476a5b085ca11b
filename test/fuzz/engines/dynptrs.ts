import { BpfFuncId } from "../../../src/uapi/index.ts";
import { helper, kfunc, onStack } from "./calls.ts";
import { type Draft, FRAME } from "./draft.ts";
import { CONTEXT_SLOT } from "./memory.ts";
import { mapIndex, PACKET } from "./program.ts";

type Body = (limit: number) => void;

/** A dynptr to the packet or to memory of a map, and what is done with it. */
export function dynptr(draft: Draft, body: Body): void {
  const { random, code } = draft;
  if (draft.shared < 16) return;
  draft.withObject(16, (at) => {
    if (draft.depth === 0 && draft.features.type === "xdp" && random.oneIn(2)) {
      draft.put("ldx_dw", 1, FRAME, CONTEXT_SLOT);
      draft.put("mov64_k", 2, 0, 0, 0);
      onStack(draft, 3, at);
      kfunc(draft, "bpf_dynptr_from_xdp", "number");
    } else {
      const start = 8 * random.below(4);
      code.map(1, mapIndex("globals"), start);
      draft.put("mov64_k", 2, 0, 0, 8 + random.below(PACKET - 8 - start + 1));
      draft.put("mov64_k", 3, 0, 0, 0);
      onStack(draft, 4, at);
      helper(draft, BpfFuncId.dynptr_from_mem, "number");
    }
    for (let count = 1 + random.below(3); count > 0; count--) operation(draft, at, body);
    if (random.oneIn(4)) draft.withObject(16, (other) => both(draft, at, other));
  });
}

function operation(draft: Draft, at: number, body: Body): void {
  const { random } = draft;
  switch (random.below(7)) {
    case 0:
    case 1:
      slice(draft, at, body);
      return;
    case 2:
      onStack(draft, 1, at);
      kfunc(
        draft,
        random.pick(["bpf_dynptr_size", "bpf_dynptr_is_null", "bpf_dynptr_is_rdonly"] as const),
        "number",
      );
      return;
    case 3:
      offset(draft, 2);
      draft.put("mov64_k", 3, 0, 0, 16 + random.below(PACKET));
      onStack(draft, 1, at);
      kfunc(draft, "bpf_dynptr_adjust", "number");
      return;
    case 4:
      offset(draft, 2);
      draft.put("mov64_k", 3, 0, 0, random.below(20));
      draft.put("mov64_k", 4, 0, 0, draft.word());
      onStack(draft, 1, at);
      kfunc(draft, "bpf_dynptr_memset", "number");
      return;
    case 5:
      offset(draft, 4);
      onStack(draft, 1, draft.sharedPlace(16));
      draft.put("mov64_k", 2, 0, 0, 1 + random.below(16));
      onStack(draft, 3, at);
      draft.put("mov64_k", 5, 0, 0, 0);
      helper(draft, BpfFuncId.dynptr_read, "number");
      return;
    default:
      offset(draft, 2);
      onStack(draft, 1, at);
      onStack(draft, 3, draft.sharedPlace(16));
      draft.put("mov64_k", 4, 0, 0, 1 + random.below(16));
      draft.put("mov64_k", 5, 0, 0, 0);
      helper(draft, BpfFuncId.dynptr_write, "number");
  }
}

/** A register = an offset, mostly one within. */
function offset(draft: Draft, register: number): void {
  const { random } = draft;
  if (random.oneIn(2)) {
    draft.put("mov64_k", register, 0, 0, random.oneIn(8) ? draft.word() : random.below(24));
  } else {
    const source = draft.scalar();
    draft.put("mov64_x", register, source);
    draft.put("and64_k", register, 0, 0, random.pick([7, 31, 63]));
  }
  draft.sets(register);
}

/** A pointer to some of the bytes, where there are so many. */
function slice(draft: Draft, at: number, body: Body): void {
  const { random, code } = draft;
  const size = random.pick([1, 4, 8, 16]);
  // Only programs that may write to packets get slices to write to.
  const kind = draft.features.type === "xdp" ? random.below(3) : random.pick([0, 2]);
  offset(draft, 2);
  if (kind === 2) draft.put("mov64_k", 3, 0, 0, size);
  else {
    if (random.oneIn(2)) draft.put("mov64_k", 3, 0, 0, 0);
    else onStack(draft, 3, draft.sharedPlace(16));
    draft.put("mov64_k", 4, 0, 0, size);
  }
  onStack(draft, 1, at);
  if (kind === 2) helper(draft, BpfFuncId.dynptr_data, "pointer");
  else kfunc(draft, kind === 0 ? "bpf_dynptr_slice" : "bpf_dynptr_slice_rdwr", "pointer");
  const missed = code.label();
  const before = draft.scalars;
  draft.left--;
  code.to(missed, "jeq64_k", 0, 0, 0);
  if (kind === 0) {
    const value = draft.target(0);
    draft.put(
      `ldx_${size === 16 ? "dw" : ({ 1: "b", 4: "w", 8: "dw" } as const)[size as 1 | 4 | 8]}`,
      value,
      0,
      0,
    );
    draft.sets(value);
  } else {
    draft.holds(0);
    draft.bases.push({ register: 0, from: 0, to: size, aligned: false, atomics: false });
    draft.holding(() => body(2 + random.below(5)));
    draft.bases.pop();
    draft.frees(0);
  }
  draft.define(0);
  const after = draft.scalars;
  code.bind(missed);
  draft.scalars = (before | 1) & after;
}

/** A copy of a dynptr, and bytes from one to the other. */
function both(draft: Draft, at: number, other: number): void {
  onStack(draft, 1, at);
  onStack(draft, 2, other);
  kfunc(draft, "bpf_dynptr_clone", "number");
  offset(draft, 2);
  offset(draft, 4);
  draft.put("mov64_k", 5, 0, 0, draft.random.below(24));
  onStack(draft, 1, other);
  onStack(draft, 3, at);
  kfunc(draft, "bpf_dynptr_copy", "number");
}
