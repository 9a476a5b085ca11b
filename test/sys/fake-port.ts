import type { Port } from "../../src/sys/index.ts";
import { LentMemory } from "../../src/sys/index.ts";

/** What a kernel would do with one call: it may write to the attribute and to lent memory. */
export type Answer = (attr: DataView, memory: LentMemory, command: number) => number;

/** A port whose bpf(2) is answered by functions, one a call. */
export function fakePort(...answers: readonly Answer[]): Port & { readonly memory: LentMemory } {
  const memory = new LentMemory();
  let call = 0;
  const refuse = (): never => {
    throw new Error("not a call of bpf(2)");
  };
  return {
    name: "fake",
    memory,
    bpf(command, attr) {
      const answer = answers[call++];
      if (answer === undefined) throw new Error(`unexpected call ${call}`);
      return answer(new DataView(attr.buffer, attr.byteOffset, attr.byteLength), memory, command);
    },
    perfEventOpen: refuse,
    ioctl: refuse,
    open: refuse,
    read: refuse,
    socket: refuse,
    setSocketOption: refuse,
    close: () => 0,
    dup: refuse,
    readFile: () => new TextEncoder().encode("0-1,4\n"),
    readDirectory: refuse,
    makeDirectory: refuse,
    remove: refuse,
    ringConsume: refuse,
    map: refuse,
    wait: refuse,
  };
}
