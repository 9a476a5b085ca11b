// What verifying costs: processed instructions a second, memory at one million of them, time against a program's size.
//
//   npm run bench -- verifier
//
// Where the running kernel can be asked (Linux, as root; programs of at most 4,096 instructions), its own verification
// time of the same program stands beside ours, from the same run: other machines have other figures, and about the same
// ratio. Times are the verifiers' own (`verification time N usec`), the least of a few rounds.

import { encode, type Insn, ProgramBuilder, r0, r1, r2, r6, r7, r8, r9, r10 } from "../src/isa/index.ts";
import { EmbeddedKernel } from "../src/kernel/index.ts";
import { BpfCommands, Errno } from "../src/sys/index.ts";
import { BpfProgType } from "../src/uapi/index.ts";
import { livePort } from "../test/support/live-port.ts";

const ROUNDS = 5;
const LONGEST_LIVE = 4096;
const SIZES = [1000, 2000, 4000, 10_000, 20_000, 50_000, 100_000] as const;
/** `BPF_LOG_STATS` */
const STATISTICS = 4;

/** A verifier's own account of one load. */
interface Account {
  readonly microseconds: number;
  readonly processed: number;
}

/** A loop of `rounds` rounds whose states never meet: each round's counter is another number. */
function countedLoop(rounds: number): Insn[] {
  return new ProgramBuilder()
    .mov64(r6, 0)
    .mov64(r0, 0)
    .label("top")
    .alu64("add", r0, r6)
    .alu64("add", r6, 1)
    .branch("jlt", r6, rounds, "top")
    .mov64(r0, 0)
    .exit()
    .insns();
}

/** The same with spills, loads and a test that goes both ways. */
function busyLoop(rounds: number): Insn[] {
  return new ProgramBuilder()
    .ldx("w", r7, r1, 0)
    .mov64(r6, 0)
    .label("top")
    .stx("dw", r10, r6, -8)
    .ldx("dw", r8, r10, -8)
    .alu64("and", r8, 63)
    .mov64(r9, r8)
    .alu64("add", r9, r7)
    .branch("jgt", r9, 100, "big")
    .alu64("add", r8, 1)
    .label("big")
    .alu64("add", r6, 1)
    .branch("jlt", r6, rounds, "top")
    .mov64(r0, 0)
    .exit()
    .insns();
}

/** `ways` tests one behind the other, each of which adds another number: all sums are walked through. */
function manyWays(ways: number): Insn[] {
  const builder = new ProgramBuilder().ldx("w", r6, r1, 0).mov64(r7, 0);
  for (let i = 0; i < ways; i++) {
    builder.branch("jset", r6, 1 << i, `skip${i}`).alu64("add", r7, 1 << i);
    builder.label(`skip${i}`);
  }
  // The sum is an offset: it has to be known exactly.
  return builder
    .st("dw", r10, -8, 0)
    .alu64("and", r7, 7)
    .mov64(r2, r10)
    .alu64("add", r2, r7)
    .ldx("b", r0, r2, -8)
    .exit()
    .insns();
}

/** A program of `size` instructions without loops: arithmetic, stack, tests whose ways meet at once. */
function straight(size: number): Insn[] {
  const builder = new ProgramBuilder().ldx("w", r6, r1, 0).mov64(r7, 1);
  let left = size - 4;
  // No more than 8,192 tests: so many ways may wait (BPF_COMPLEXITY_LIMIT_JMP_SEQ).
  for (let i = 0; left >= 16; i++, left -= 16) {
    const slot = -8 * (1 + (i % 16));
    for (const factor of [33, 5, 7]) builder.alu64("xor", r7, r6).alu64("mul", r7, factor);
    builder
      .stx("dw", r10, r7, slot)
      .ldx("dw", r8, r10, slot)
      .alu32("add", r8, 33)
      .mov64(r9, r8)
      .alu64("rsh", r9, 3)
      .alu64("and", r9, 255)
      .branch("jgt", r8, 1000, `skip${i}`)
      .mov64(r8, 0)
      .label(`skip${i}`)
      .mov64(r7, r6)
      .mov64(r9, 0);
  }
  for (; left > 0; left--) builder.mov64(r8, 1);
  return builder.mov64(r0, 0).exit().insns();
}

/** The verifier's account of a program, the least of some rounds; null where it refuses without statistics. */
function account(sys: BpfCommands, insns: readonly Insn[], rounds: number): Account | null {
  let best: Account | null = null;
  for (let round = 0; round < rounds; round++) {
    const log = logOf(sys, insns);
    const microseconds = Number(/^verification time (\d+) usec/m.exec(log)?.[1]);
    const processed = Number(/^processed (\d+) insns/m.exec(log)?.[1]);
    if (Number.isNaN(microseconds + processed)) return null;
    const problem = log.split("\n")[0]!;
    if (round === 0 && !problem.startsWith("verification time"))
      process.stdout.write(`refused: ${problem}\n`);
    if (best === null || microseconds < best.microseconds) best = { microseconds, processed };
  }
  return best;
}

function logOf(sys: BpfCommands, insns: readonly Insn[]): string {
  try {
    const { fd, log } = sys.progLoad({
      progType: BpfProgType.SCHED_CLS,
      insns: encode(insns),
      license: "GPL",
      logLevel: STATISTICS,
    });
    sys.close(fd);
    return log;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return error.log;
  }
}

function row(name: string, insns: readonly Insn[], ours: Account | null, theirs: Account | null): string {
  if (ours === null) return `  ${name.padEnd(34)} no statistics\n`;
  const rate = (ours.processed / ours.microseconds) * 1e6;
  const ratio =
    theirs === null ? "" : `${(ours.microseconds / Math.max(1, theirs.microseconds)).toFixed(1)} ×`;
  return (
    `  ${name.padEnd(34)}${String(insns.length).padStart(8)}${String(ours.processed).padStart(11)}` +
    `${(ours.microseconds / 1000).toFixed(1).padStart(10)} ms${Math.round(rate).toLocaleString("en").padStart(12)}/s` +
    `${theirs === null ? "" : `${(theirs.microseconds / 1000).toFixed(1).padStart(9)} ms${ratio.padStart(9)}`}\n`
  );
}

const HEAD = `  ${"".padEnd(34)}${"insns".padStart(8)}${"processed".padStart(11)}${"ours".padStart(13)}${"".padStart(14)}${"Linux".padStart(12)}${"ours/Linux".padStart(11)}\n`;

/** Peak of resident memory of this process so far, in MiB. */
function peakMemory(): number {
  return process.resourceUsage().maxRSS / 1024;
}

async function benchVerifier(): Promise<void> {
  const out = process.stdout;
  const ours = new EmbeddedKernel({ execute: false });
  const live = await livePort();
  const theirs = live.port === null ? null : new BpfCommands(live.port);
  if (theirs === null) out.write(`Linux is not asked: ${live.why}\n`);

  // First of all: what came before would count.
  const before = peakMemory();
  const million = account(ours, countedLoop(400_000), 1);
  out.write(
    `memory at ${million?.processed.toLocaleString("en")} processed: peak ${peakMemory().toFixed(0)} MiB resident, ` +
      `${before.toFixed(0)} MiB before\n`,
  );

  out.write(`\nlong verifications, least of ${ROUNDS} rounds\n${HEAD}`);
  const programs: readonly (readonly [string, Insn[]])[] = [
    ["counter, 3 a round", countedLoop(100_000)],
    ["spills and tests, 9 a round", busyLoop(6_000)],
    ["2^13 ways that never meet", manyWays(13)],
  ];
  for (const [name, insns] of programs) {
    const kernel = theirs === null ? null : account(theirs, insns, ROUNDS);
    out.write(row(name, insns, account(ours, insns, ROUNDS), kernel));
  }

  out.write(`\ntime against size, least of 3 rounds\n${HEAD}`);
  account(ours, straight(10_000), 3);
  const plot: string[] = [];
  const points: (readonly [number, number])[] = [];
  for (const size of SIZES) {
    const insns = straight(size);
    const mine = account(ours, insns, 3);
    const kernel = theirs === null || insns.length > LONGEST_LIVE ? null : account(theirs, insns, 3);
    out.write(row(`${size.toLocaleString("en")} instructions`, insns, mine, kernel));
    if (mine !== null) points.push([size, mine.microseconds / mine.processed]);
  }
  const widest = Math.max(...points.map(([, each]) => each));
  for (const [size, each] of points) {
    const bar = "█".repeat(Math.max(1, Math.round((each / widest) * 50)));
    plot.push(`  ${size.toLocaleString("en").padStart(8)} ${each.toFixed(2).padStart(7)} µs ${bar}\n`);
  }
  out.write(`\nmicroseconds for each processed instruction: even bars are a straight line\n${plot.join("")}`);
}

if (process.argv[1]?.includes("bench-verifier.")) await benchVerifier();
