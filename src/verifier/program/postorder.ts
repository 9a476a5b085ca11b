import type { Environment } from "../environment/environment.ts";

const DISCOVERED = 1;
const EXPLORED = 2;

/** Orders the instructions of each subprogram so that, but for loops, successors come first (`compute_postorder`). */
export function computePostorder(env: Environment): void {
  const { flow } = env;
  const length = env.insns.length;
  const postorder = new Int32Array(length);
  const state = new Uint8Array(length);
  const stack = new Int32Array(length + 1);
  let count = 0;
  for (const subprog of env.subprograms) {
    subprog.postorderStart = count;
    stack[0] = subprog.start;
    let depth = 1;
    do {
      const top = stack[depth - 1]!;
      state[top]! |= DISCOVERED;
      if ((state[top]! & EXPLORED) !== 0) {
        postorder[count++] = top;
        depth--;
        continue;
      }
      for (let which = 0; which < 2; which++) {
        const next = flow.successor(top, which);
        if (next >= 0 && state[next] === 0) {
          stack[depth++] = next;
          state[next] = DISCOVERED;
        }
      }
      state[top]! |= EXPLORED;
    } while (depth > 0);
  }
  flow.postorder = postorder.subarray(0, count);
}
