import { describe, expect, it } from "vitest";
import { decode } from "../../../src/isa/index.ts";
import { readCaseFile } from "./case-file.ts";

const read = (text: string) => readCaseFile(text, "some/file.txt", "group");

describe("a case file", () => {
  it("has defaults before its first case, which a case may override", () => {
    const [first, second] = read(`# for all
type: xdp
map m: array, key 4, value 8, entries 1
map unused: hash, key 4, value 4, entries 1

=== one
code:
  r1 = %m
  r0 = 1
out:
  exit

=== two
type: sched_cls
map m: hash, key 8, value 16, entries 2, flags no_prealloc
code:
  r1 = %m
  r0 = 0
  exit
run:
run: data 0102 zeros(2), ctx zeros(4)
`);
    expect(first).toMatchObject({ name: "group: one", progType: 6, progFlags: 4, license: "GPL", runs: [] });
    expect(first!.maps).toMatchObject([{ name: "m", type: 2, keySize: 4, valueSize: 8 }]);
    expect(first!.references).toEqual([{ kind: "map", slot: 0, map: 0 }]);
    expect(second!.maps).toMatchObject([{ type: 1, keySize: 8, valueSize: 16, maxEntries: 2, flags: 1 }]);
    expect(second!.runs).toEqual([
      { data: new Uint8Array(64), ctx: null },
      { data: Uint8Array.of(1, 2, 0, 0), ctx: new Uint8Array(4) },
    ]);
  });

  it("names what the kernel has", () => {
    const [only] = read(`=== names
types:
  struct pair { int a; int b; };
code:
  r1 = variable runqueues
  r2 = kernel_typeid(struct task_struct)
  r3 = sizeof(struct pair)
  call kfunc bpf_rdonly_cast
  call bpf_ktime_get_ns
  .rept 2
  r0 = \\@
  .endr
  exit`);
    expect(only!.references).toEqual([
      { kind: "variable", slot: 0, name: "runqueues" },
      { kind: "kernelType", slot: 2, name: "struct task_struct" },
      { kind: "kfunc", slot: 4, name: "bpf_rdonly_cast" },
    ]);
    const insns = decode(only!.insns);
    expect(insns.map(({ imm }) => imm)).toEqual([0, 0, 0, 8, 0, 5, 0, 1, 0]);
  });

  it("describes functions whose prototypes have the names of labels", () => {
    const [only] = read(`=== functions
type: sched_cls
types:
  int main(struct __sk_buff *skb);
  static int helper(int n);
  int elsewhere(void);
code:
main:
  r1 = 1
  call helper
  exit
helper:
  r0 = r1
  exit
lines: yes`);
    expect([...new Uint32Array(only!.funcInfo.buffer)].filter((_, at) => at % 2 === 0)).toEqual([0, 3]);
    expect(only!.lineInfo.length).toBe(5 * 16);
    expect(only!.btf).not.toBeNull();
  });

  it.each([
    ["=== a\nnonsense: 1\ncode:\n  exit", "some/file.txt:2: there is no key 'nonsense'"],
    ["=== a\ntype: xdp", "some/file.txt:1: a: the case has no code"],
    ["=== a\ntype: odd\ncode:\n  exit", "there is no program type 'odd'"],
    ["=== a\ncode:\n  r1 = %m\n  exit", "there is no map 'm'"],
    ["=== a\nmap m: array, width 4\ncode:\n  exit", "map m: there is no property 'width'"],
    ["=== a\ncode:\n  r1 = = 2\n  exit", "ASM0001"],
    ["=== a\ncode:\n  exit\n=== a\ncode:\n  exit", "a second case is called 'a'"],
    ["=== a\ncode:\n  .rept 2\n  exit", "'.rept' has no '.endr'"],
  ])("says what is wrong: %j", (text, problem) => {
    expect(() => read(text)).toThrow(problem);
  });
});
