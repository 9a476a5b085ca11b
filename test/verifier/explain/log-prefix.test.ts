import { describe, expect, it } from "vitest";
import { explainLog, parseLogs } from "../../../src/verifier/explain/index.ts";
import { withoutPrefixes } from "../../../src/verifier/explain/log-prefix.ts";

const LOG = `func#0 @0
0: R1=ctx() R10=fp0
; value = bpf_map_lookup_elem(&m, "a\\n"); @ a.bpf.c:8
9: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=m,ks=4,vs=8)
; return *value; @ a.bpf.c:9

from 9 to 10: R0=map_value_or_null(id=1,map=m,ks=4,vs=8) R10=fp0
10: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0`;
const LINES = LOG.split("\n");
const FRAMED = `libbpf: prog 'count': BPF program load failed: -EACCES
libbpf: prog 'count': -- BEGIN PROG LOAD LOG --
${LOG}
-- END PROG LOAD LOG --
libbpf: prog 'count': failed to load: -EACCES`;

/** Each line behind what a logger writes in front of it. */
function logged(prefix: (line: number) => string, text = FRAMED): string {
  return text
    .split("\n")
    .map((line, i) => `${prefix(i)}${line}`)
    .join("\n");
}

const two = (number: number) => `${number}`.padStart(2, "0");

const PREFIXES: readonly (readonly [name: string, prefix: (line: number) => string])[] = [
  ["journalctl", (i) => `Nov 29 12:00:${two(i)} host kernel: `],
  ["journalctl, of a process", (i) => `Nov  9 12:00:${two(i)} my-host.example loader[12${i}]: `],
  ["journalctl -o short-iso", (i) => `2026-11-29T12:00:${two(i)}+0000 host loader[77]: `],
  ["dmesg", (i) => `[${`${i * 70}.${two(i)}3456`.padStart(12)}] `],
  ["dmesg -T", (i) => `[Sun Nov 29 12:00:${two(i)} 2026] `],
  ["kubectl", (i) => `2026-11-29T12:00:00.${i + 1}Z stderr F `],
  ["kubectl --prefix", () => "[pod/agent-x7f2p/agent] "],
  ["docker compose", () => "agent-1  | "],
  ["log of Go", (i) => `2026/11/29 12:00:${two(i)} `],
  ["klog", (i) => `E1129 12:00:00.1234${two(i)}       1 main.go:12] `],
  ["log of Rust", (i) => `[2026-11-29T12:00:${two(i)}Z ERROR agent::bpf] `],
  ["a pasted quotation", () => "> "],
];

describe("what loggers put in front of lines", () => {
  it.each(PREFIXES)("%s: is taken off", (_name, prefix) => {
    for (const text of [FRAMED, LOG]) {
      const [found] = parseLogs(logged(prefix, text));
      const explanation = explainLog(found!.log);
      expect(explanation).toEqual(explainLog(text));
      expect(explanation).toMatchObject({ code: "null-pointer", source: { file: "a.bpf.c", line: 9 } });
      expect(found!.log.steps[0]!.source!.text).toBe('value = bpf_map_lookup_elem(&m, "a\\n");');
    }
    expect(parseLogs(logged(prefix))[0]!.program).toBe("count");
  });

  it("blanks at the end of an empty line may be missing", () => {
    const text = logged((i) => `Nov 29 12:00:${two(i)} host kernel: `).replaceAll(/ +$/gm, "");
    expect(explainLog(text)).toEqual(explainLog(FRAMED));
  });

  it("records of JSON, one a line", () => {
    const text = LINES.map((line) => JSON.stringify({ log: `${line}\n`, stream: "stderr" })).join("\n");
    expect(explainLog(text)).toEqual(explainLog(LOG));
  });
});

describe("logs in one line", () => {
  const go = `program count: load program: permission denied:\n\t${LINES.join("\n\t")}`;

  it.each([
    ["logrus", `time="2026-11-29T12:00:00Z" level=error msg=${JSON.stringify(go)} file=a.o`],
    ["slog", `time=2026-11-29T12:00:00Z level=ERROR msg="cannot load" err=${JSON.stringify(go)}`],
    ["zap", JSON.stringify({ level: "error", ts: 1.5, msg: "cannot load", error: go })],
    ["a text without quotes", go.replaceAll("\\n", "\\\\n").replaceAll("\n", "\\n").replaceAll("\t", "\\t")],
  ])("%s: are read", (_name, text) => {
    for (const whole of [text, `starting\n${text}\nstopped\n`, `Nov 29 12:00:00 host agent[1]: ${text}`]) {
      const explanation = explainLog(whole);
      expect(explanation, whole).toMatchObject({ code: "null-pointer", source: { line: 9 } });
      expect(explanation!.why).toEqual(explainLog(LOG)!.why);
    }
  });

  it("a message is not taken for more than it is", () => {
    const whole = `level=error msg=${JSON.stringify(`x:\n\t${LINES.slice(0, -1).join("\n\t")}`)} file=a.o`;
    expect(explainLog(whole)!.message).toBe("R0 invalid mem access 'map_value_or_null'");
  });
});

describe("the verifier's own notes", () => {
  const notes = [6, 5, 4, 3].map((at) => `mark_precise: frame0: regs=r2 stack= before ${at}: (b7) r3 = 0`);
  const precise = LOG.replace(
    "R0 invalid",
    `${notes.join("\n")}\nregs=4 stack=0 before 2: (b7) r3 = 0\nR0 invalid`,
  );

  it("that name instructions are not taken for prefixes", () => {
    expect(withoutPrefixes(precise)).toBe(precise);
    expect(explainLog(precise)).toEqual(explainLog(LOG));
    const journal = logged((i) => `Nov 29 12:00:${two(i)} host kernel: `, precise);
    expect(withoutPrefixes(journal)).toBe(precise);
  });
});

describe("texts without prefixes", () => {
  it.each([
    LOG,
    FRAMED,
    LINES.map((line) => `\t${line}`).join("\n"),
    "level=error msg=\"load program: permission denied: 7: (71) r1 = *(u8 *)(r9 +2): R9 invalid mem access 'inv'\"",
    "from 3 to 4: R0=inv 4: (95) exit",
    'a "quoted\\n" word',
    "",
  ])("stay as they are", (text) => {
    expect(withoutPrefixes(text)).toBe(text);
  });

  it("statistics may stand behind a message, in its line", () => {
    const { message } = explainLog(
      "0: R1=ctx() R10=fp0\n0: (85) call bpf_tail_call#12\nexpected prog array map for tail callprocessed 3 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
    )!;
    expect(message).toBe("expected prog array map for tail call");
  });
});
