import { existsSync, readFileSync } from "node:fs";
import { Btf, deduplicate, dumpC, dumpRawJson, dumpRawText } from "../src/btf/index.ts";
import type { Absent, Benchmark, Candidate } from "./frame.ts";
import { VMLINUX } from "./places.ts";

const nowhere = (): void => {};

/** Candidates that work on the running kernel's types; each operation is all of them. */
function onKernel(name: string, work: (btf: Btf) => void): () => readonly (Candidate | Absent)[] {
  return () => {
    if (!existsSync(VMLINUX)) return [{ name, absent: `there is no ${VMLINUX}` }];
    const bytes = new Uint8Array(readFileSync(VMLINUX));
    return [
      {
        name,
        run: () => {
          work(Btf.parse(bytes));
          return 1;
        },
      },
    ];
  };
}

/** Dumps of a kernel's types without the start of a process: for those with one see `cli`. */
export const BTF_BENCHMARKS: readonly Benchmark[] = [
  { name: "btf.parse", operation: "kernel", candidates: onKernel("Btf.parse", nowhere) },
  {
    name: "btf.raw",
    operation: "kernel",
    candidates: onKernel("dumpRawText", (btf) => dumpRawText(btf, nowhere)),
  },
  {
    name: "btf.json",
    operation: "kernel",
    candidates: onKernel("dumpRawJson", (btf) => dumpRawJson(btf, nowhere)),
  },
  { name: "btf.c", operation: "kernel", candidates: onKernel("dumpC", (btf) => dumpC(btf, nowhere)) },
  {
    name: "btf.dedup",
    operation: "kernel",
    candidates: onKernel("deduplicate", (btf) => void deduplicate(btf)),
  },
];
