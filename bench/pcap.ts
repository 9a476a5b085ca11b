// `tsbpf run --pcap` over a large capture, as a whole process, beside tcpdump, which runs a classic filter on the same
// packets; and how much more memory many packets take than few.
//
//   npm run bench -- pcap [--packets N] [--rounds N]
//   npm run bench -- pcap --write FILE [--packets N]      only the capture

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { quantileOf } from "./jit/timing.ts";
import { writeCapture } from "./pcap-file.ts";
import { commandPath, ROOT } from "./places.ts";

const FEW = 1000;
const SAMPLE = 2;

const TSBPF = [process.execPath, join(ROOT, "bin/tsbpf.cjs"), "run"];
/** Objects and their programs: a parser that counts, for two types; and one that reads the clock for each packet. */
const PROGRAMS = [
  ["bench/pcap/ports.bpf.o", "ports_xdp"],
  ["bench/pcap/ports.bpf.o", "ports_tc"],
  ["testdata/flow/flow.bpf.o", "count_flows"],
] as const;

/** A process, from its start to its end. */
interface Ended {
  readonly milliseconds: number;
  /** The most memory it had at a time; 0 where nobody tells. */
  readonly kilobytes: number;
  readonly output: string;
}

export async function benchPcap(args: readonly string[]): Promise<number> {
  let packets: number;
  let rounds: number;
  let target: string | undefined;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        packets: { type: "string", default: "1000000" },
        rounds: { type: "string", default: "5" },
        write: { type: "string" },
      },
    });
    packets = Number(values.packets);
    rounds = Number(values.rounds);
    target = values.write;
    if (!Number.isSafeInteger(packets) || packets < FEW) throw new Error(`expected --packets from ${FEW} on`);
    if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Error("expected --rounds from 1 on");
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return 2;
  }
  if (target !== undefined) {
    writeCapture(target, packets);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "tsbpf-bench-"));
  try {
    await compare(folder, packets, rounds);
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n`);
    return 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return 0;
}

async function compare(folder: string, packets: number, rounds: number): Promise<void> {
  const [many, few] = [join(folder, "many.pcap"), join(folder, "few.pcap")];
  writeCapture(many, packets);
  writeCapture(few, FEW);
  const tcpdump = commandPath("tcpdump");
  const contenders = PROGRAMS.map(([path, program]) => ({
    name: `tsbpf run ${path} --prog ${program}`,
    argv: (file: string) => [...TSBPF, join(ROOT, path), "--prog", program, "--pcap", file, "--json"],
    seconds: ({ output }: Ended) => (JSON.parse(output) as { seconds: number }).seconds,
  }));
  const peers =
    tcpdump === null
      ? []
      : [
          {
            name: "tcpdump, 'tcp port 443', written to /dev/null",
            argv: (file: string) => [tcpdump, "-r", file, "-w", "/dev/null", "tcp port 443"],
            seconds: ({ milliseconds }: Ended) => milliseconds / 1000,
          },
        ];
  const all = [...contenders, ...peers].map((each) => ({ ...each, runs: [] as Ended[] }));
  const megabytes = (statSync(many).size / 1e6).toFixed(1);
  process.stdout.write(`${packets} packets, ${megabytes} MB, ${rounds} rounds\n`);
  process.stdout.write(`${"".padEnd(60)}million/s     process ms     more memory than for ${FEW}\n`);
  for (let round = 0; round < rounds; round++)
    for (const each of all) each.runs.push(await ended(each.argv(many)));
  for (const { name, argv, seconds, runs } of all) {
    const best = quantileOf(runs.map(seconds), 0.2);
    const whole = quantileOf(
      runs.map(({ milliseconds }) => milliseconds),
      0.2,
    );
    const before = (await ended(argv(few))).kilobytes;
    const growth = Math.max(...runs.map(({ kilobytes }) => kilobytes)) - before;
    process.stdout.write(
      `${name.padEnd(60)}${(packets / best / 1e6).toFixed(2).padStart(9)}${whole.toFixed(0).padStart(15)}` +
        `${before === 0 ? "" : `${(growth / 1024).toFixed(1)} MiB`.padStart(20)}\n`,
    );
  }
  if (tcpdump === null) process.stdout.write("tcpdump is not installed\n");
}

function ended([command, ...args]: readonly string[]): Promise<Ended> {
  const started = performance.now();
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let problems = "";
  let kilobytes = 0;
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    problems += data;
  });
  const sampler = setInterval(() => {
    kilobytes = Math.max(kilobytes, mostMemory(child.pid));
  }, SAMPLE);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(sampler);
      const milliseconds = performance.now() - started;
      if (code === 0) resolve({ milliseconds, kilobytes, output });
      else reject(new Error(`${command} ${args.join(" ")}: exit status ${code}: ${problems}`));
    });
  });
}

/** The most memory of a process so far, in KiB; 0 where nobody tells. */
function mostMemory(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
