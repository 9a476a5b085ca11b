import { assemble, disassemble, xlatedText } from "../src/asm/index.ts";
import { openElf } from "../src/elf/index.ts";
import { checkForm, decode, encode, type Insn, lookup } from "../src/isa/index.ts";
import type { Benchmark, Candidate } from "./frame.ts";
import { projectFile } from "./places.ts";

const COPIES = 64;

/** The flow counter's code, many times: a program of about the size that Linux takes at most. */
function program(): Uint8Array {
  const file = openElf(projectFile("testdata/flow/flow.bpf.o"));
  const section = file.sections.find(({ name }) => name === "xdp" || name === "tc" || name === ".text")!;
  const code = file.data(section);
  const bytes = new Uint8Array(code.length * COPIES);
  for (let i = 0; i < COPIES; i++) bytes.set(code, i * code.length);
  return bytes;
}

/** What any decoder has to do at least: read all four fields of each slot, and keep none. */
function floor(bytes: Uint8Array): Candidate {
  const view = new DataView(bytes.buffer);
  return {
    name: "reading the fields, keeping nothing",
    run: () => {
      let sum = 0;
      for (let at = 0; at < bytes.length; at += 8) {
        sum += bytes[at]! + bytes[at + 1]! + view.getInt16(at + 2, true) + view.getInt32(at + 4, true);
      }
      return sum === 0.5 ? 0 : bytes.length / 8;
    },
  };
}

export const ISA_BENCHMARKS: readonly Benchmark[] = [
  {
    name: "isa.decode",
    operation: "slot",
    candidates() {
      const bytes = program();
      return [{ name: "decode", run: () => decode(bytes).length }, floor(bytes)];
    },
  },
  {
    name: "isa.encode",
    operation: "slot",
    candidates() {
      const insns = decode(program());
      return [{ name: "encode", run: () => encode(insns).length / 8 }];
    },
  },
  {
    name: "isa.lookup",
    operation: "slot",
    candidates() {
      const insns = decode(program());
      return [{ name: "lookup", run: () => lookAll(insns) }];
    },
  },
  {
    name: "isa.checkForm",
    operation: "slot",
    candidates() {
      const insns = decode(program());
      return [{ name: "checkForm", run: counted(() => checkForm(insns), insns.length) }];
    },
  },
  ...(["pseudoc", "ubpf"] as const).flatMap((dialect): Benchmark[] => [
    {
      name: `asm.assemble.${dialect}`,
      operation: "slot",
      candidates() {
        const text = disassemble(decode(program()), { dialect });
        return [{ name: "assemble", run: () => assemble(text, { dialect }).insns.length }];
      },
    },
    {
      name: `asm.disassemble.${dialect}`,
      operation: "slot",
      candidates() {
        const insns = decode(program());
        return [{ name: "disassemble", run: counted(() => disassemble(insns, { dialect }), insns.length) }];
      },
    },
  ]),
  {
    name: "asm.xlated",
    operation: "slot",
    candidates() {
      const insns = decode(program());
      return [{ name: "xlatedText", run: counted(() => xlatedText(insns), insns.length) }];
    },
  },
];

/** Does the work, which is of so many operations. */
function counted(work: () => unknown, operations: number): () => number {
  return () => {
    work();
    return operations;
  };
}

function lookAll(insns: readonly Insn[]): number {
  let known = 0;
  for (const insn of insns) if (lookup(insn) !== undefined) known++;
  return known >= 0 ? insns.length : 0;
}
