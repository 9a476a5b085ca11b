import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LINKTYPE, linktypeName, PcapngWriter, PcapWriter, packetsOf } from "../../src/packets/index.ts";
import { describeWith, referee } from "../support/referee.ts";
import { ipv4Frame } from "./frames.ts";

const tcpdump = referee("tcpdump");

function tcpdumpLines(file: Uint8Array, ...options: string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "packets-"));
  try {
    const path = join(folder, "capture");
    writeFileSync(path, file);
    const result = tcpdump.run(["-tt", "-n", ...options, "-r", path]);
    expect(result.status, result.stderr).toBe(0);
    return result.stdout.split("\n").filter((line) => /^\d/.test(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const times = [
  [0, 0],
  [1_700_000_000, 123_456_789],
  [2_147_483_647, 999_999_999],
] as const;

describeWith([tcpdump], "tcpdump", () => {
  it.each(["little", "big"] as const)("reads our pcap files, %s-endian, with the same times", (endian) => {
    for (const precision of ["nanoseconds", "microseconds"] as const) {
      const writer = new PcapWriter({ endian, precision });
      for (const [seconds, nanoseconds] of times) writer.write({ data: ipv4Frame(), seconds, nanoseconds });
      const lines = tcpdumpLines(writer.take(), "--time-stamp-precision=nano");
      expect(lines).toEqual(
        times.map(([seconds, nanoseconds]) => {
          const kept = precision === "nanoseconds" ? nanoseconds : nanoseconds - (nanoseconds % 1000);
          return expect.stringMatching(
            new RegExp(
              `^${seconds}\\.${String(kept).padStart(9, "0")} IP 10\\.77\\.10\\.1\\.49152 > 10\\.77\\.10\\.2\\.53`,
            ),
          );
        }),
      );
    }
  });

  it.each(["little", "big"] as const)("reads our pcapng files, %s-endian, with the same times", (endian) => {
    const writer = new PcapngWriter({ endian });
    writer.addInterface({ linktype: LINKTYPE.ETHERNET, name: "eth0" });
    for (const [seconds, nanoseconds] of times) writer.write({ data: ipv4Frame(), seconds, nanoseconds });
    const lines = tcpdumpLines(writer.take(), "--time-stamp-precision=nano");
    expect(lines.map((line) => line.split(" ")[0])).toEqual(
      times.map(([seconds, nanoseconds]) => `${seconds}.${String(nanoseconds).padStart(9, "0")}`),
    );
  });

  it.each(["traffic.pcap", "traffic.pcapng"])("sees the packets we see in %s", (name) => {
    const file = new Uint8Array(readFileSync(join("testdata", "flow", name)));
    const ours = [...packetsOf(file)].length;
    const times = Array.from(
      packetsOf(file),
      (packet) => `${packet.seconds}.${String(packet.nanoseconds).padStart(9, "0")}`,
    );
    const theirs = tcpdumpLines(file, "--time-stamp-precision=nano");
    expect(theirs.length).toBe(ours);
    expect(theirs.map((line) => line.split(" ")[0])).toEqual(times);
  });

  it("has the same names for link types", () => {
    for (const linktype of Object.values(LINKTYPE)) {
      const folder = mkdtempSync(join(tmpdir(), "packets-"));
      const path = join(folder, "empty.pcap");
      writeFileSync(path, new PcapWriter({ linktype }).take());
      const { stderr } = tcpdump.run(["-r", path]);
      rmSync(folder, { recursive: true });
      expect(stderr).toContain(`link-type ${linktypeName(linktype)} `);
    }
  });
});
