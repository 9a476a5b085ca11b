import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

const FOLDER = "testdata/verifier/explain/logs";
const REFUSED = `${FOLDER}/refused.bpf.o`;
const ACCEPTED = "testdata/flow/flow.bpf.o";

/** A log of an older kernel, as one would paste it. */
const OLD_LOG = `6: (85) call bpf_map_lookup_elem#1
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 131072), stack depth 8
`;

describe("verify OBJECT", () => {
  it("says why a program is refused, where the fact was lost, and what would mend it", async () => {
    const { status, stdout, stderr } = await tsbpf(["verify", REFUSED]);
    expect(status).toBe(1);
    expect(stderr).toBe("");
    expect(stdout).toContain("refused: refused (21 instructions processed)");
    expect(stdout).toContain("error[map-value-out-of-bounds]: a map value is accessed outside of its bounds");
    expect(stdout).toContain("--> refused.bpf.c:36:21, instruction 21");
    expect(stdout).toMatch(/^ {2}21: {2}r2 = \*\(u64 \*\)\(r1 \+8\)\n {5}\| {15}\^\^/m);
    expect(stdout).toMatch(/^ {2}> 18: if r6 > 0x8 goto pc\+5$/m);
    expect(stdout.replaceAll(/[\s|]+/g, " ")).toContain(
      "what is added may be at most 56 bytes, and can be 64",
    );
    expect(stdout).toContain("R1 max value is outside of the allowed memory range");
  });

  it("gives 0 where all programs are accepted", async () => {
    const { status, stdout } = await tsbpf(["verify", ACCEPTED]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^count_flows: accepted \([\d,]+ instructions processed\)\n$/);
  });

  it.each([80, 50])("keeps to a terminal of %d columns", async (terminal) => {
    const { stdout } = await tsbpf(["verify", REFUSED], { terminal });
    for (const line of stdout.split("\n")) expect(line.length, line).toBeLessThanOrEqual(terminal);
    expect(stdout).toContain("18: if r6 > 0x8 goto pc+5");
  });

  it("dresses the text where colours are wanted, and says the same", async () => {
    const plain = await tsbpf(["verify", REFUSED], { terminal: 80 });
    const dressed = await tsbpf(["verify", REFUSED], { terminal: 80, colour: true });
    expect(dressed.stdout).toContain("\x1b[31merror[map-value-out-of-bounds]:\x1b[39m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
    expect(dressed.stdout.replaceAll(/\x1b\[\d+m/g, "")).toBe(plain.stdout);
  });

  it("shows the kernel's log where it is asked for", async () => {
    const one = await tsbpf(["verify", REFUSED, "--log-level", "1"]);
    expect(one.stdout).toContain("the kernel's log:\n");
    expect(one.stdout).toMatch(/^21: \(79\) r2 = \*\(u64 \*\)\(r1 \+8\)$/m);
    const accepted = await tsbpf(["verify", ACCEPTED, "--log-level", "2"]);
    expect(accepted.status).toBe(0);
    expect(accepted.stdout).toContain("Live regs before insn:");
  });

  it("tells what accepted programs cost, by source line", async () => {
    const { stdout, status } = await tsbpf(["verify", ACCEPTED, "--stats"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}budget {3}[\d.]+ % of 1,000,000 instructions$/m);
    expect(stdout).toMatch(/^ {2}stack {4}\d+ bytes/m);
    expect(stdout).toMatch(/^ {2}program {2}[\d,]+ instructions after fixups$/m);
    expect(stdout).toMatch(/^ +[\d,]+ +[\d,]* +flow\.bpf\.c:\d+ +\S/m);
  });

  it("counts every visit of an instruction of a line", async () => {
    const { stdout } = await tsbpf(["verify", ACCEPTED, "--stats", "-j"]);
    const [program] = JSON.parse(stdout).programs;
    const visits = program.stats.lines.reduce(
      (sum: number, { visits }: { visits: number }) => sum + visits,
      0,
    );
    expect(visits).toBe(program.stats.processed);
    expect(program.processed).toBe(program.stats.processed);
    expect(program.stats.limit).toBe(1_000_000);
  });

  it("writes JSON", async () => {
    const { status, stdout } = await tsbpf(["verify", REFUSED, "-j"]);
    expect(status).toBe(1);
    const { version, programs } = JSON.parse(stdout);
    expect(version).toBe(1);
    const [program] = programs;
    expect(Object.keys(program)).toEqual([
      "name",
      "file",
      "processed",
      "accepted",
      "problem",
      "explanation",
      "log",
      "stats",
    ]);
    const { code, instruction, why, cause, fixes } = program.explanation;
    expect(code).toBe("map-value-out-of-bounds");
    expect(instruction).toEqual({ index: 21, code: "r2 = *(u64 *)(r1 +8)", operand: "R1" });
    expect(why[cause]).toMatchObject({ role: "lost", instruction: 18, code: "if r6 > 0x8 goto pc+5" });
    expect(why.at(-1).source).toEqual({
      text: "value->bytes[index]++;",
      file: "refused.bpf.c",
      line: 36,
      column: 21,
      offset: 19,
    });
    expect(fixes.length).toBeGreaterThan(0);
  });

  it("writes SARIF 2.1.0", async () => {
    const { status, stdout } = await tsbpf(["verify", REFUSED, "--sarif"]);
    expect(status).toBe(1);
    const { version, runs } = JSON.parse(stdout);
    expect(version).toBe("2.1.0");
    const [{ tool, results }] = runs;
    expect(tool.driver.rules[0].id).toBe("map-value-out-of-bounds");
    const [result] = results;
    expect(result).toMatchObject({ ruleId: "map-value-out-of-bounds", ruleIndex: 0, level: "error" });
    expect(result.locations[0].physicalLocation).toMatchObject({
      artifactLocation: { uri: "refused.bpf.c" },
      region: { startLine: 36, startColumn: 21 },
    });
    const steps = result.codeFlows[0].threadFlows[0].locations;
    expect(steps.length).toBeGreaterThan(2);
    for (const step of steps) expect(step.location.message.text).not.toBe("");
  });

  it("has no results in SARIF where nothing is refused", async () => {
    const { status, stdout } = await tsbpf(["verify", ACCEPTED, "--sarif"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).runs[0].results).toEqual([]);
  });

  it("takes several objects, and one from standard input", async () => {
    const stdin = readFileSync(ACCEPTED);
    const { status, stdout } = await tsbpf(["verify", REFUSED, "-"], { stdin });
    expect(status).toBe(1);
    expect(stdout).toContain(`${REFUSED}: refused: refused (21 instructions processed)`);
    expect(stdout).toMatch(/^-: count_flows: accepted /m);
    expect(stdout).toMatch(/^1 of 2 programs accepted$/m);
  });

  it("judges the others where one of several objects cannot be read", async () => {
    const { status, stdout } = await tsbpf(["verify", "/nonexistent.o", ACCEPTED]);
    expect(status).toBe(2);
    expect(stdout).toContain("/nonexistent.o: its programs: not verified\n  No such file or directory\n");
    expect(stdout).toMatch(/count_flows: accepted /);
  });

  it("ends on Ctrl-C with the verdicts so far", async () => {
    const { stdout, stderr } = await tsbpf(["verify", ACCEPTED, REFUSED, ACCEPTED], { interruptAfter: 2 });
    expect(stdout).toMatch(/^count_flows: accepted \([\d,]+ instructions processed\)\n$/);
    expect(stderr).toBe("stopped: 1 of 3 programs verified\n");
  });

  it("gives 2 where a program does not come to the verifier", async () => {
    const object = "testdata/objects/externs-ksym.bpf.o";
    const { status, stdout } = await tsbpf(["verify", object]);
    expect(status).toBe(2);
    expect(stdout).toContain("variables: not verified\n  extern runqueues: the kernel has no such name");
    expect((await tsbpf(["verify", object, REFUSED])).status).toBe(1);
    const sarif = await tsbpf(["verify", object, "--sarif"]);
    expect(sarif.status).toBe(2);
    expect(JSON.parse(sarif.stdout).runs[0].results[0].ruleId).toBe("not-verified");
  });

  it.each([
    ["no object", ["verify"]],
    ["a file that is not there", ["verify", "/nonexistent.o"]],
    ["a file that is no object", ["verify", `${FOLDER}/linux-6.1.log`]],
    ["a program that is not there", ["verify", REFUSED, "--prog", "other"]],
    ["an unknown option", ["verify", REFUSED, "--nothing"]],
    ["another kernel's verifier", ["verify", REFUSED, "--kernel-version", "4.9"]],
    ["a text without a log", ["verify", "--log", `${FOLDER}/refused.bpf.c`]],
    ["options that do not go together", ["verify", "--log", "-", "--stats"]],
    ["two forms at once", ["verify", REFUSED, "--sarif", "--json"]],
  ])("gives 2 for %s", async (_what, argv) => {
    const { status, stdout, stderr } = await tsbpf(argv);
    expect(status).toBe(2);
    expect(argv.includes("--json") ? stderr : stdout).toBe("");
    expect(argv.includes("--json") ? stdout : stderr).toMatch(/^Error: |^\{"error":"/);
  });
});

describe("verify --stats of a refused program", () => {
  it("tells by line what the verifier went through", async () => {
    const { stdout, status } = await tsbpf(["verify", REFUSED, "--stats"]);
    expect(status).toBe(1);
    expect(stdout).toContain("error[map-value-out-of-bounds]");
    expect(stdout).toMatch(/^ {2}budget {3}/m);
    expect(stdout).not.toContain("after fixups");
    expect(stdout).toMatch(/^ +\d+ +refused\.bpf\.c:36 +value->bytes\[index\]\+\+;$/m);
    const json = await tsbpf(["verify", REFUSED, "--stats", "-j"]);
    const [{ stats, processed }] = JSON.parse(json.stdout).programs;
    expect(stats).toMatchObject({ insns: null, counted: "all" });
    const visits = stats.lines.reduce((sum: number, line: { visits: number }) => sum + line.visits, 0);
    expect(visits).toBe(processed);
  });
});

describe("verify --log of several programs", () => {
  const framed = (name: string) =>
    `libbpf: prog '${name}': -- BEGIN PROG LOAD LOG --\n${OLD_LOG}-- END PROG LOAD LOG --\n`;
  const stdin = new TextEncoder().encode(framed("one") + framed("two"));

  it("explains each: as text, JSON and SARIF", async () => {
    const text = await tsbpf(["verify", "--log", "-"], { stdin });
    expect(text.status).toBe(1);
    expect(text.stdout.match(/error\[null-pointer\]/g)?.length).toBe(2);
    expect(text.stdout).toContain("0 of 2 programs accepted");
    const json = await tsbpf(["verify", "--log", "-", "-j"], { stdin });
    expect(JSON.parse(json.stdout).programs.map(({ name }: { name: string }) => name)).toEqual([
      "one",
      "two",
    ]);
    const sarif = await tsbpf(["verify", "--log", "-", "--sarif"], { stdin });
    expect(JSON.parse(sarif.stdout).runs[0].results.length).toBe(2);
  });

  it("explains the one that is asked for", async () => {
    const { stdout } = await tsbpf(["verify", "--log", "-", "--prog", "two"], { stdin });
    expect(stdout).toMatch(/^two: refused/);
    expect(stdout.match(/error\[/g)?.length).toBe(1);
    expect((await tsbpf(["verify", "--log", "-", "--prog", "three"], { stdin })).stderr).toContain(
      "one, two",
    );
  });
});

describe("verify --log", () => {
  it("explains a log from standard input", async () => {
    const { status, stdout } = await tsbpf(["verify", "--log", "-"], { stdin: OLD_LOG });
    expect(status).toBe(1);
    expect(stdout).toContain("error[null-pointer]: a pointer to a map value is used without a test for NULL");
    expect(stdout).toMatch(/^ {2}> 6: call bpf_map_lookup_elem#1$/m);
  });

  it.each(["6.1", "6.18"])("takes places of the source from the object: Linux %s", async (release) => {
    const { stdout } = await tsbpf(["verify", "--log", `${FOLDER}/linux-${release}.log`, REFUSED]);
    expect(stdout).toContain("--> refused.bpf.c:36:21, instruction 21");
  });

  it("says so where the log is of an accepted program", async () => {
    const log = "0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000) max_states_per_insn 0\n";
    const { status, stdout } = await tsbpf(["verify", "--log", "-"], { stdin: log });
    expect(status).toBe(0);
    expect(stdout).toBe("the program: accepted (2 instructions processed)\n");
  });

  it.each([
    ["cut off", OLD_LOG.split("\n").slice(0, 2).join("\n"), "the log is not whole"],
    [
      "cut in the middle",
      `libbpf: failed to load: -13\n0: (95) exit\nprocessed 1 insns`,
      "the log is not whole",
    ],
    ["no log", "libbpf: Error loading .BTF into kernel: -22.", "expected a log of the verifier"],
    ["no text", "\xff\xfe\0\0", "expected a log of the verifier"],
  ])("gives no verdict where it is %s", async (_, log, words) => {
    const { status, stdout, stderr } = await tsbpf(["verify", "--log", "-"], { stdin: log });
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(words);
  });

  it.each([
    [
      "its lines were joined",
      `4: (b7) r2 = 0: 5: (bf) r1 = r2: ${OLD_LOG.trimEnd().replaceAll("\n", ": ")}`,
      "joined",
    ],
    ["the object is another", OLD_LOG, "another program"],
  ])("gives no verdict where %s", async (_, stdin, words) => {
    const object = words === "joined" ? [] : ["testdata/flow/flow.bpf.o"];
    const { status, stdout, stderr } = await tsbpf(["verify", "--log", "-", ...object], { stdin });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(words);
  });

  it.each([
    ["a journal", (log: string) => log.replaceAll(/^/gm, "Nov 29 22:01:11 host app[1]: ")],
    ["our own output", (log: string) => `prog: accepted (2 instructions processed)\n\n${log}`],
    ["UTF-16", (log: string) => Buffer.from(`\ufeff${log}`, "utf16le")],
  ])("takes statistics alone for those of an accepted program, from %s", async (_, wrap) => {
    const log =
      "verification time 10 usec\nstack depth 8\nprocessed 2 insns (limit 1000000) max_states_per_insn 0\n";
    const { status, stdout } = await tsbpf(["verify", "--log", "-"], { stdin: wrap(log) });
    expect([status, stdout]).toEqual([0, "the program: accepted (2 instructions processed)\n"]);
  });

  it.each([
    ["coloured", (log: string) => log.replaceAll(/^(.*)$/gm, "\x1b[31m$1\x1b[0m")],
    ["from a web page", (log: string) => log.replaceAll("<", "&lt;").replaceAll(">", "&gt;")],
  ])("reads a log that is %s", async (_, wrap) => {
    const stdin = wrap(
      `${OLD_LOG}\nif r1 < 5`.replace("if r1 < 5", "").trimEnd().replace("\n", "\n; a < b @ x.c:1\n"),
    );
    const { status, stdout } = await tsbpf(["verify", "--log", "-"], { stdin });
    expect(status).toBe(1);
    expect(stdout).toContain("error[null-pointer]");
    expect(stdout).not.toContain("&lt;");
  });

  it("goes by a library's summary where the log behind it was cut off", async () => {
    const stdin = `Verifier error: program p: load program: permission denied: invalid access to packet, off=0 size=4, R4(id=0,off=0,r=0): R4 offset is outside of the packet (200 line(s) omitted)
Verifier log: load program: permission denied:
\t0: R1=ctx() R10=fp0
\t; int p(struct __ctx_buff *ctx) @ p.c:1247
\t0: (bf) r6 = r1                       ; R1=ctx() R6_w=ctx()
`;
    const { status, stdout } = await tsbpf(["verify", "--log", "-"], { stdin });
    expect(status).toBe(1);
    expect(stdout).toContain("error[packet-out-of-bounds]");
  });

  it("shows nothing that steers a terminal", async () => {
    const log = OLD_LOG.replace("(r0 +0)", "(r0 +0)\x1b]0;title\x07");
    const { stdout } = await tsbpf(["verify", "--log", "-"], { stdin: log });
    expect(stdout).toContain("\ufffd]0;title\ufffd");
  });

  it("asks which program, where an object has several", async () => {
    const { status, stderr } = await tsbpf(["verify", "--log", "-", "testdata/objects/functions.bpf.o"], {
      stdin: OLD_LOG,
    });
    const several = /which program is the log of/.test(stderr);
    expect(status).toBe(several ? 2 : 1);
  });

  it("explains all logs of real kernels alike", async () => {
    const codes = await Promise.all(
      ["6.1", "6.18"].map(async (release) => {
        const stdin = readFileSync(`${FOLDER}/linux-${release}.log`);
        const { stdout } = await tsbpf(["verify", "--log", "-", "-j"], { stdin });
        const { code, instruction, cause } = JSON.parse(stdout).programs[0].explanation;
        return `${code} ${instruction.index} ${cause}`;
      }),
    );
    expect(new Set(codes).size).toBe(1);
  });
});
