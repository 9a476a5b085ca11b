import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { assemble } from "../../src/asm/index.ts";
import { open, type ProgramSpec, writeObject } from "../../src/object/index.ts";
import { tsbpf } from "./fake-io.ts";

const FLOW = "testdata/flow/flow.bpf.o";
const CAPTURE = "testdata/flow/traffic.pcap";

interface RunJson {
  readonly packets: number;
  readonly captured_in_part: number;
  readonly interrupted: boolean;
  readonly error?: string;
  readonly verdicts: readonly { readonly name: string; readonly packets: number }[];
  readonly not_run: readonly { readonly reason: string; readonly packets: number }[];
  readonly maps: readonly { readonly name: string; readonly elements: readonly unknown[] }[];
}

async function runJson(argv: readonly string[], world: Parameters<typeof tsbpf>[1] = {}) {
  const outcome = await tsbpf(["-j", "run", FLOW, ...argv], world);
  return { ...outcome, json: JSON.parse(outcome.stdout) as RunJson };
}

describe("run", () => {
  it("counts verdicts, and shows maps by their types", async () => {
    const { json, status } = await runJson(["--pcap", CAPTURE]);
    expect(status).toBe(0);
    expect(json.packets).toBe(3755);
    expect(json.verdicts).toEqual([
      { retval: 2, name: "XDP_PASS", packets: 3743 },
      { retval: 1, name: "XDP_DROP", packets: 12 },
    ]);
    expect(json.maps.map(({ name }) => name)).toEqual(["protocols", "flows", ".rodata", ".bss"]);
    expect(json.maps[1]!.elements.length).toBe(122);
  });

  it("reports what was run of a capture that is cut short, and fails", async () => {
    const cut = new Uint8Array(readFileSync(CAPTURE)).subarray(0, 100_000);
    const { json, status } = await runJson(["--pcap", "cut.pcap"], { files: { "cut.pcap": cut } });
    expect(status).toBe(255);
    expect(json.packets).toBe(836);
    expect(json.error).toContain("cut.pcap: pcap packet: offset 99924: expected more");
    const text = await tsbpf(["run", FLOW, "--pcap", "cut.pcap"], { files: { "cut.pcap": cut } });
    expect(text.stdout).toContain("836 packets");
    expect(text.stderr).toMatch(/^Error: cut\.pcap: pcap packet/);
  });

  it("gives the results so far when it is interrupted", async () => {
    const { json } = await runJson(["--pcap", CAPTURE], { interruptAfter: 3 });
    expect(json.interrupted).toBe(true);
    expect(json.packets).toBeGreaterThan(0);
    expect(json.packets).toBeLessThan(3755);
  });

  it("puts an Ethernet header before packets that have none", async () => {
    // A header of little-endian pcap, link type RAW (101), and one IPv4 packet.
    const ip = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 0, 23, 0, 8, 0, 0];
    const word = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
    const file = Uint8Array.from([
      ...[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0],
      ...[...word(0), ...word(0), ...word(65535), ...word(101)],
      ...[...word(0), ...word(0), ...word(ip.length), ...word(ip.length), ...ip],
    ]);
    const { stdout } = await tsbpf(["run", FLOW, "--pcap", "raw.pcap"], { files: { "raw.pcap": file } });
    expect(stdout).toContain("1 of them had no Ethernet header and was given one");
    expect(stdout).toContain("XDP_DROP");
  });

  it("says how many packets no program was run on, and why", async () => {
    const { json, status } = await runJson(["--pcap", "odd.pcap"], {
      files: {
        "odd.pcap": Uint8Array.from([
          ...[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 147, 0, 0, 0],
          ...[0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4],
        ]),
      },
    });
    expect(json.verdicts).toEqual([]);
    expect(json.not_run[0]?.packets).toBe(1);
    expect(status).toBe(255);
  });

  it("shows progress on a terminal only, and takes it away", async () => {
    const shown = await tsbpf(["run", FLOW, "--pcap", CAPTURE], { terminal: 100 });
    expect(shown.stderr.replaceAll("\r\x1b[K", "\n")).toMatch(/^\[=+ +\] +\d+ % {2}[\d,]+ packets {2}/m);
    expect(shown.stderr.endsWith("\r\x1b[K")).toBe(true);
    expect((await tsbpf(["run", FLOW, "--pcap", CAPTURE])).stderr).toBe("");
    expect((await tsbpf(["run", FLOW, "-q", "--pcap", CAPTURE], { terminal: 100 })).stderr).toBe("");
  });

  it("leaves out columns that a terminal has no room for, and says which", async () => {
    const { stdout } = await tsbpf(["run", FLOW, "--pcap", CAPTURE], { terminal: 60 });
    expect(stdout).toContain("no room for");
    const tables = stdout.split("\n").filter((line) => /^ {2}[\w.]/.test(line));
    expect(Math.max(...tables.map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it("colours only where it is wanted", async () => {
    expect((await tsbpf(["run", FLOW, "--pcap", CAPTURE], { colour: true })).stdout).toContain("\x1b[1m");
    expect((await tsbpf(["run", FLOW, "--pcap", CAPTURE])).stdout).not.toContain("\x1b");
  });

  it("shows the graph as SVG where there is a renderer", async () => {
    const { files, status } = await tsbpf(["prog", "dump", "xlated", "file", FLOW, "--svg", "out.svg"]);
    expect(status).toBe(0);
    expect(new TextDecoder().decode(files.get("out.svg"))).toMatch(/^<svg>/);
  });

  it("says how many packets a capture has only in part", async () => {
    const { json } = await runJson(["--pcap", CAPTURE]);
    expect(json.captured_in_part).toBe(2268);
    const { stdout } = await tsbpf(["run", FLOW, "--pcap", CAPTURE]);
    expect(stdout).toContain("2,268 were captured in part");
  });

  it("can be interrupted between the repetitions of one packet", async () => {
    const { json } = await runJson(["--pcap", CAPTURE, "--repeat", "4294967295"], { interruptAfter: 3 });
    expect(json.interrupted).toBe(true);
    expect(json.packets).toBe(1);
  });

  it("can be interrupted between the repetitions of other input", async () => {
    const args = ["--data", `${"00".repeat(12)}0800${"00".repeat(50)}`, "--repeat", "4294967295"];
    const { json } = await runJson(args, { interruptAfter: 3 });
    expect(json.interrupted).toBe(true);
    const run = await tsbpf(["run", FLOW, ...args], { interruptAfter: 3 });
    expect(run.stdout).toMatch(/a run, [\d,]+ runs\) interrupted/);
  });

  it("says who explains a refusal, and that a listing is of a refused program", async () => {
    const refused = "testdata/verifier/explain/logs/refused.bpf.o";
    const run = await tsbpf(["run", refused, "--data", "00".repeat(14)]);
    expect(run.status).toBe(255);
    expect(run.stderr).toContain(`('tsbpf verify ${refused} --prog refused' explains it)`);
    const dump = await tsbpf(["prog", "dump", "xlated", "file", refused]);
    expect(dump.status).toBe(0);
    expect(dump.stderr).toBe(
      `refused: no kernel loads this: the verifier refuses it ('tsbpf verify ${refused} --prog refused' says why)\n`,
    );
  });

  it("names a folder given as a capture once", async () => {
    const { stderr } = await tsbpf(["run", FLOW, "--pcap", "testdata"]);
    expect(stderr).toBe("Error: testdata: EISDIR\n");
  });
});

/** A capture of Ethernet frames. */
function captureOf(frames: readonly Uint8Array[]): Uint8Array {
  const word = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
  const head = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, ...word(0), ...word(0), ...word(65535), ...word(1)];
  const packets = frames.map((frame) => [
    ...[...word(0), ...word(0), ...word(frame.length), ...word(frame.length)],
    ...frame,
  ]);
  return Uint8Array.from([...head, ...packets.flat()]);
}

/** Zeros with an EtherType. */
function frameOf(length: number, etherType: number): Uint8Array {
  const frame = new Uint8Array(length);
  if (length >= 14) frame.set([etherType >> 8, etherType & 0xff], 12);
  return frame;
}

/** An object with one program, of the type of a section of `sections-…` and with instructions of the test's own. */
function objectOf(name: string, text: string, sections = "tracing"): Uint8Array {
  const object = `testdata/objects/sections-${sections}.bpf.o`;
  const spec = open(new Uint8Array(readFileSync(object)), { name: "it" });
  const program: ProgramSpec = {
    ...spec.programs.get(name)!,
    insns: assemble(text).insns,
    references: [],
    coreRelocations: [],
    funcInfo: [],
    lineInfo: [],
  };
  return writeObject({ ...spec, programs: new Map([[name, program]]) });
}

describe("run without packets", () => {
  const syscall = objectOf(
    "on_syscall",
    "r2 = *(u32 *)(r1 + 0)\nr2 += 1\n*(u32 *)(r1 + 0) = r2\nr0 = 3\nexit",
  );
  const tracepoint = objectOf("on_raw_tp", "r0 = *(u64 *)(r1 + 8)\nexit");
  const files = { "syscall.o": syscall, "tp.o": tracepoint, "hex.bin": Uint8Array.of(9, 0, 0, 0) };

  it("shows what a syscall program made of its context", async () => {
    const { stdout, status } = await tsbpf(["run", "syscall.o", "--ctx", "05000000"], { files });
    expect(stdout).toContain("r0 = 3\ncontext: 4 bytes out\n  0000  06 00 00 00\n");
    expect(status).toBe(0);
  });

  it("gives a raw tracepoint its arguments", async () => {
    const ctx = "01000000000000002a00000000000000";
    const { stdout } = await tsbpf(["run", "tp.o", "--ctx", ctx], { files });
    expect(stdout).toMatch(/\nr0 = 42\n/);
    expect(stdout).not.toContain("context");
  });

  it("says that a context is missing, and that there are no repetitions", async () => {
    expect((await tsbpf(["run", "syscall.o"], { files })).stderr).toContain(
      "Invalid argument: --ctx must give",
    );
    const often = await tsbpf(["run", "tp.o", "--ctx", "hex.bin", "--repeat", "2"], { files });
    expect(often.stderr).toBe("Error: --repeat: programs of type raw_tracepoint are run once\n");
  });
});

describe("a program that is refused", () => {
  it("is shown with its log, once", async () => {
    const files = { "bad.o": objectOf("on_raw_tp", "r0 = *(u32 *)(r1 + 4096)\nexit") };
    const { stderr, status } = await tsbpf(["run", "bad.o", "--ctx", "00"], { files });
    expect(status).toBe(255);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(1);
    expect(new Set(lines).size).toBe(lines.length);
  });
});

describe("packets that Linux runs no program on", () => {
  const frames = [
    frameOf(13, 0),
    frameOf(33, 0x0800),
    frameOf(53, 0x86dd),
    frameOf(33, 0x0806),
    frameOf(3712, 0x0800),
    frameOf(3713, 0x0800),
    frameOf(9000, 0x86dd),
  ];
  const files = {
    "skb.o": objectOf("on_tc", "r0 = 0\nexit", "network"),
    "xdp.o": objectOf("on_xdp", "r0 = 2\nexit", "network"),
    "sizes.pcap": captureOf(frames),
  };
  const reasons = async (object: string) => {
    const { stdout } = await tsbpf(["-j", "run", object, "--pcap", "sizes.pcap"], { files });
    const { not_run: refused, verdicts } = JSON.parse(stdout) as RunJson;
    return [verdicts[0]!.packets, ...refused.map(({ reason, packets }) => `${packets} ${reason}`)];
  };

  it("says which of its limits they are beyond", async () => {
    expect(await reasons("skb.o")).toEqual([
      2,
      "1 shorter than an Ethernet header, 14 bytes",
      "1 IPv4 header cut short, below 34 bytes",
      "1 IPv6 header cut short, below 54 bytes",
      "2 longer than the 3,712 bytes of a test run",
    ]);
    // XDP programs see only Ethernet, and the rest of a long packet lies in fragments.
    expect(await reasons("xdp.o")).toEqual([6, "1 shorter than an Ethernet header, 14 bytes"]);
  });

  it.each([
    [frameOf(33, 0x0800), "IPv4 header cut short, below 34 bytes"],
    [frameOf(4000, 0), "longer than the 3,712 bytes of a test run"],
  ])("also of one packet (%#)", async (packet, reason) => {
    const argv = ["run", "skb.o", "--data", "packet"];
    const { status, stderr } = await tsbpf(argv, { files: { ...files, packet } });
    expect([status, stderr]).toEqual([255, `Error: --data: ${reason}\n`]);
  });
});

describe("repeated runs", () => {
  it("are counted", async () => {
    const { json } = await runJson(["--pcap", CAPTURE, "--repeat", "3"]);
    expect(json).toMatchObject({ packets: 3755, runs: 3 * 3755 });
    const { stdout } = await tsbpf(["run", FLOW, "--pcap", CAPTURE, "--repeat", "2"]);
    expect(stdout).toMatch(/: 3,755 packets, [\d,]+ bytes, 7,510 runs \([\d.]+(?: k)? runs\/s, /);
    expect((await runJson(["--pcap", CAPTURE])).json).toMatchObject({ packets: 3755, runs: 3755 });
  });

  it("one packet is one packet, and one byte", async () => {
    const files = { "one.pcap": captureOf([frameOf(60, 0)]) };
    const { stdout } = await tsbpf(["run", FLOW, "--pcap", "one.pcap"], { files });
    expect(stdout).toContain("one.pcap: 1 packet, 60 bytes (");
  });

  it("are not for classic filters", async () => {
    const argv = ["run", "test/cli/input/port.ddd", "--pcap", CAPTURE, "--repeat", "2"];
    expect((await tsbpf(argv)).stderr).toBe("Error: '--repeat' is not for classic filters\n");
  });
});

describe("what programs print", () => {
  // "hi %d\n" on the stack, with the packet's length.
  const files = {
    "print.o": objectOf(
      "on_xdp",
      `r3 = *(u32 *)(r1 + 4)
      r2 = *(u32 *)(r1 + 0)
      r3 -= r2
      r1 = 0x0a6425206968 ll
      *(u64 *)(r10 - 8) = r1
      r1 = r10
      r1 += -8
      r2 = 7
      call 6
      r0 = 2
      exit`,
      "network",
    ),
    "few.pcap": captureOf([frameOf(60, 0), frameOf(61, 0)]),
    "many.pcap": captureOf(Array.from({ length: 120 }, (_, at) => frameOf(60 + at, 0))),
  };

  it("stands before the summary", async () => {
    const { stdout } = await tsbpf(["run", "print.o", "--pcap", "few.pcap"], { files });
    expect(stdout).toMatch(
      /^on_xdp .*\ntrace_pipe\n.*bpf_trace_printk: hi 60\n.*bpf_trace_printk: hi 61\n\nfew\.pcap: 2 packets/,
    );
    const once = await tsbpf(["run", "print.o", "--data", "00".repeat(64)], { files });
    expect(once.stdout).toMatch(/\ntrace_pipe\n.*bpf_trace_printk: hi 64\n\nr0 = 2 XDP_PASS/);
  });

  it("is cut to the last 100 lines in text, and whole in JSON", async () => {
    const { stdout } = await tsbpf(["run", "print.o", "--pcap", "many.pcap"], { files });
    expect(stdout).toContain("trace_pipe\n  … 20 earlier lines (-j has them)\n");
    expect(stdout.match(/hi \d+/g)).toEqual(Array.from({ length: 100 }, (_, at) => `hi ${80 + at}`));
    const { stdout: json } = await tsbpf(["-j", "run", "print.o", "--pcap", "many.pcap"], { files });
    const { trace, trace_lost: lost } = JSON.parse(json) as { trace: string; trace_lost: number };
    expect([trace.split("\n").length - 1, lost]).toEqual([120, 0]);
  });

  it("says how many lines were lost", async () => {
    const argv = ["run", "print.o", "--pcap", "few.pcap", "--repeat", "8000"];
    const { stdout: json } = await tsbpf(["-j", ...argv], { files });
    const { trace, trace_lost: lost } = JSON.parse(json) as { trace: string; trace_lost: number };
    expect(lost).toBeGreaterThan(0);
    expect(trace).not.toContain("LOST");
    expect(trace.split("\n").length - 1 + lost).toBe(16_000);
    const { stdout } = await tsbpf(argv, { files });
    expect(stdout).toMatch(/trace_pipe\n {2}… [\d,]+ lost, [\d,]+ earlier lines \(-j has them\)\n/);
  });
});
