import { BpfFuncId } from "../../../src/uapi/index.ts";
import { helper, kfunc, onStack } from "./calls.ts";
import type { Draft } from "./draft.ts";
import { MAPS, mapIndex } from "./program.ts";

const QUEUES = ["line", "pile"] as const;
/** Programs that may sleep can have no filter. */
const CONTAINERS = [...QUEUES, ...QUEUES, "seen"] as const;

/** Puts a value from the stack into a queue, a stack or a filter, or takes one out; or counts the elements of a table. */
export function container(draft: Draft): void {
  const { random, code } = draft;
  if (draft.shared < 16) return;
  if (random.oneIn(6)) {
    code.map(1, mapIndex(random.pick(["table", "places", "recent", "accounts"])));
    kfunc(draft, "bpf_map_sum_elem_count", "number");
    return;
  }
  const name = random.pick(draft.features.type === "syscall" ? QUEUES : CONTAINERS);
  const { valueSize } = MAPS[mapIndex(name)]!;
  const kind = random.below(name === "seen" ? 2 : 3);
  onStack(draft, 2, draft.sharedPlace(valueSize));
  if (kind === 0) {
    // A full one makes room (BPF_EXIST).
    draft.put("mov64_k", 3, 0, 0, random.pick([0, 0, 2, 2, 1]));
  }
  code.map(1, mapIndex(name));
  const { map_push_elem, map_peek_elem, map_pop_elem } = BpfFuncId;
  helper(draft, [map_push_elem, map_peek_elem, map_pop_elem][kind]!, "number");
}
