import type { Environment } from "../environment/environment.ts";

const NOT_ON_STACK = 0xffff_ffff;

/**
 * Numbers the loops: gives `aux.scc` of each instruction its strongly connected component, from 1 on; 0 where it is
 * alone and does not lead to itself. Tarjan's algorithm with Pearce's simplification, in the kernel's order, because
 * the log shows the numbers (`compute_scc`).
 *
 * @returns the number of components, that without a loop (0) included
 */
export function computeScc(env: Environment): number {
  const { flow, aux } = env;
  const length = env.insns.length;
  const stack = new Uint32Array(length);
  const preorder = new Uint32Array(length);
  const low = new Uint32Array(length);
  const dfs = new Uint32Array(length);
  let nextPreorder = 1;
  let nextScc = 1;
  for (let root = 0; root < length; root++) {
    if (preorder[root] !== 0) continue;
    let stackSize = 0;
    let dfsSize = 1;
    dfs[0] = root;
    visiting: while (dfsSize > 0) {
      const at = dfs[dfsSize - 1]!;
      if (preorder[at] === 0) {
        low[at] = nextPreorder;
        preorder[at] = nextPreorder++;
        stack[stackSize++] = at;
      }
      let loops = false;
      for (let which = 0; which < 2; which++) {
        const next = flow.successor(at, which);
        // The second slot of a wide load leads nowhere in particular: behind the last it leads out of the program.
        if (next < 0 || next >= length) continue;
        if (preorder[next] === 0) {
          dfs[dfsSize++] = next;
          continue visiting;
        }
        if (low[next]! < low[at]!) low[at] = low[next]!;
        loops ||= next === at;
      }
      if (low[at]! < preorder[at]!) {
        dfsSize--;
        continue;
      }
      const assign = loops || stack[stackSize - 1] !== at;
      let member: number;
      do {
        member = stack[--stackSize]!;
        low[member] = NOT_ON_STACK;
        if (assign) aux[member]!.scc = nextScc;
      } while (member !== at);
      if (assign) nextScc++;
      dfsSize--;
    }
  }
  return nextScc;
}
