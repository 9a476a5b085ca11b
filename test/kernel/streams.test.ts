import { expect, it } from "vitest";
import { textOf } from "../../src/base/index.ts";
import { CaseProgram } from "./case-program.ts";
import { refusal } from "./support.ts";

const WRITE = `type: sched_cls
types:
  struct text { char bytes[16]; };
map text: array, key int, value struct text, flags rdonly_prog, entries 1
element text: 00000000 = 6e203d2025640a000000000000000000
frozen text: yes
code:
  r1 = 7
  *(u64 *)(r10 - 8) = r1
  r1 = STREAM
  r2 = %text[0]+0
  r3 = r10; r3 += -8
  r4 = LENGTH
  r5 = 0
  call kfunc bpf_stream_vprintk_impl
  exit
`;

function program(stream: number, length = 8): CaseProgram {
  return new CaseProgram(WRITE.replace("STREAM", `${stream}`).replace("LENGTH", `${length}`));
}

it("a program writes to its streams, and what is read is gone", () => {
  using sut = program(1);
  const { kernel, progFd } = sut;
  expect(sut.run()).toBe(0);
  expect(sut.run()).toBe(0);
  const read = (streamId: number, size: number) =>
    textOf(kernel.progStreamReadByFd({ progFd, streamId, size }));
  expect(read(2, 64)).toBe("");
  expect(read(1, 8)).toBe("n = 7\nn ");
  expect(read(1, 64)).toBe("= 7\n");
  expect(read(1, 64)).toBe("");
  expect(refusal(() => kernel.progStreamReadByFd({ progFd, streamId: 3, size: 8 }))).toBe("ENOENT");
});

it("there are two streams, and they are full some day", () => {
  using none = program(3);
  expect(none.run() | 0).toBe(-2);
  using odd = program(2, 4);
  expect(odd.run() | 0).toBe(-22);
  using sut = program(2);
  const { kernel, progFd } = sut;
  const data = new Uint8Array(64);
  kernel.progTestRun({ progFd, dataIn: data, repeat: 16_666 });
  expect(kernel.progTestRun({ progFd, dataIn: data }).retval | 0).toBe(-28);
  kernel.progStreamReadByFd({ progFd, streamId: 2, size: 6 });
  expect(kernel.progTestRun({ progFd, dataIn: data }).retval | 0).toBe(0);
});
