import { describe, expect, it } from "vitest";
import { explainLog, parseLog, parseLogs } from "../../../src/verifier/explain/index.ts";

const STATISTICS =
  "processed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0";
const FINE = `0: R1=ctx() R10=fp0\n0: (b7) r0 = 0\n1: (95) exit\n${STATISTICS}`;
const NULL = `0: R1=ctx() R10=fp0\n0: (85) call bpf_map_lookup_elem#1 ; R0=map_value_or_null(id=1)\n1: (79) r1 = *(u64 *)(r0 +0)\nR0 invalid mem access 'map_value_or_null'\n${STATISTICS}`;
const UNREAD = `0: R1=ctx() R10=fp0\n0: (95) exit\nR0 !read_ok\n${STATISTICS}`;

function framed(program: string, log: string): string {
  return `libbpf: prog '${program}': BPF program load failed: -EACCES\nlibbpf: prog '${program}': -- BEGIN PROG LOAD LOG --\n${log}\n-- END PROG LOAD LOG --\nlibbpf: prog '${program}': failed to load: -EACCES\n`;
}

describe("several logs in one text", () => {
  it("are told apart by libbpf's frames, with their programs", () => {
    const logs = parseLogs(framed("one", NULL) + framed("two", FINE) + framed("three", UNREAD));
    expect(logs.map(({ program }) => program)).toEqual(["one", "two", "three"]);
    expect(logs.map(({ log }) => explainLog(log)?.code ?? null)).toEqual([
      "null-pointer",
      null,
      "uninitialised-register",
    ]);
    expect(logs.map(({ log }) => log.accepted)).toEqual([false, true, false]);
  });

  it("are told apart where the program begins again, without frames", () => {
    const logs = parseLogs(`${NULL}\n\n${FINE}\n${UNREAD}\n`);
    expect(logs.map(({ log }) => explainLog(log)?.code ?? null)).toEqual([
      "null-pointer",
      null,
      "uninitialised-register",
    ]);
  });

  it("are one where there is one", () => {
    expect(parseLogs(framed("one", NULL)).length).toBe(1);
    expect(parseLogs(NULL).length).toBe(1);
    expect(parseLogs("nothing of a verifier's").length).toBe(1);
  });

  it("parseLog gives the first of a refused program", () => {
    expect(parseLog(framed("fine", FINE) + framed("bad", NULL)).messages).toEqual([
      "R0 invalid mem access 'map_value_or_null'",
    ]);
  });
});
