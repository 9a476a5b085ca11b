import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tsbpf } from "./fake-io.ts";

const FLOW = "testdata/flow/flow.bpf.o";
const CAPTURE = "testdata/flow/traffic.pcap";

interface RunJson {
  readonly packets: number;
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
    expect(stdout).toContain("1 of them had no Ethernet header and were given one");
    expect(stdout).toContain("XDP_DROP");
  });

  it("says how many packets no program was run on, and why", async () => {
    const { json } = await runJson(["--pcap", "odd.pcap"], {
      files: {
        "odd.pcap": Uint8Array.from([
          ...[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 147, 0, 0, 0],
          ...[0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 1, 2, 3, 4],
        ]),
      },
    });
    expect(json.verdicts).toEqual([]);
    expect(json.not_run[0]?.packets).toBe(1);
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
});
