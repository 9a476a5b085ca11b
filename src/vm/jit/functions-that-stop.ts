import type { CodeFunction, CodeGraph } from "./code-graph.ts";

/** Functions that may return with a fault: those that poll or call anything but such as do neither. */
export function functionsThatStop(graph: CodeGraph, functions: readonly CodeFunction[]): Set<number> {
  const found = new Set<number>();
  const callers = new Map<number, Set<number>>();
  const work: number[] = [];
  for (const { entry, blocks } of functions) {
    const add = () => {
      if (found.has(entry)) return;
      found.add(entry);
      work.push(entry);
    };
    for (const { start, end } of blocks) {
      for (let slot = start; slot < end; slot++) {
        const row = graph.rows[slot];
        if (row?.kind === "mayGoto") add();
        if (row?.kind !== "call") continue;
        if (row.name !== "call_local") {
          add();
          continue;
        }
        const callee = slot + 1 + graph.insns[slot]!.imm;
        const known = callers.get(callee);
        if (known === undefined) callers.set(callee, new Set([entry]));
        else known.add(entry);
      }
    }
  }
  for (let entry = work.pop(); entry !== undefined; entry = work.pop()) {
    for (const caller of callers.get(entry) ?? []) {
      if (found.has(caller)) continue;
      found.add(caller);
      work.push(caller);
    }
  }
  return found;
}
