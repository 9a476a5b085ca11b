import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { BTF_BENCHMARKS } from "./btf.ts";
import { CLI_BENCHMARKS } from "./cli.ts";
import { type BenchmarkResult, measure } from "./frame.ts";
import { ISA_BENCHMARKS } from "./isa.ts";
import { PACKET_BENCHMARKS } from "./packets.ts";
import { RANGES_BENCHMARKS } from "./ranges.ts";
import { tableOf } from "./table.ts";
import { WASM_BENCHMARKS } from "./wasm.ts";

const BENCHMARKS = [
  ...ISA_BENCHMARKS,
  ...BTF_BENCHMARKS,
  ...PACKET_BENCHMARKS,
  ...WASM_BENCHMARKS,
  ...RANGES_BENCHMARKS,
  ...CLI_BENCHMARKS,
];

/** Programs with tables of their own: what they measure are loops inside emitted code. */
const PROGRAMS: { readonly [name: string]: () => Promise<unknown> } = {
  jit: async () => (await import("./jit.ts")).benchJit([]),
  maps: () => import("./maps.ts"),
  pcap: async () => (await import("./pcap.ts")).benchPcap([]),
  ringbuf: () => import("./ringbuf.ts"),
  verifier: () => import("./verifier.ts"),
  vm: () => import("./vm.ts"),
  "vm-representation": () => import("./vm-representation.ts"),
};

const USAGE = `usage: npm run bench [-- NAME… | all] [--rounds N] [--warm-up MS] [--json FILE]
       npm run bench -- jit --help
       npm run bench -- pcap [--packets N] [--rounds N] [--write FILE]
A NAME also stands for all whose names begin with it: isa, btf, cli.
names: ${[...BENCHMARKS.map(({ name }) => name), ...Object.keys(PROGRAMS)].join(" ")}
`;

process.exitCode = await main();

async function main(): Promise<number> {
  // These have options of their own.
  if (process.argv[2] === "jit") return (await import("./jit.ts")).benchJit(process.argv.slice(3));
  if (process.argv[2] === "pcap") return (await import("./pcap.ts")).benchPcap(process.argv.slice(3));
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    process.stderr.write(`bench: ${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { positionals, values } = parsed;
  if (positionals.length === 0) {
    process.stdout.write(USAGE);
    return 0;
  }
  const names = positionals.includes("all") ? [""] : positionals;
  const chosen = BENCHMARKS.filter(({ name }) => names.some((wanted) => name.startsWith(wanted)));
  const programs = Object.keys(PROGRAMS).filter((name) => names.includes(name) || names.includes(""));
  const unknown = names.find(
    (wanted) => !BENCHMARKS.some(({ name }) => name.startsWith(wanted)) && !(wanted in PROGRAMS),
  );
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no benchmark '${unknown}'\n${USAGE}`);
    return 2;
  }
  const options = { rounds: Number(values.rounds ?? 15), warmUp: Number(values["warm-up"] ?? 300) };
  if (!(options.rounds >= 1) || !(options.warmUp >= 0)) {
    process.stderr.write(`bench: expected numbers for --rounds and --warm-up\n${USAGE}`);
    return 2;
  }
  const machine = {
    node: process.version,
    processor: cpus()[0]?.model ?? "unknown",
    processors: cpus().length,
  };
  process.stdout.write(`Node ${machine.node}, ${machine.processors} × ${machine.processor}\n`);
  const results: BenchmarkResult[] = [];
  for (const benchmark of chosen) {
    const result = measure(benchmark, options);
    results.push(result);
    process.stdout.write(`\n${tableOf(result)}`);
  }
  for (const name of programs) {
    process.stdout.write(`\n${name}\n`);
    // Each of them runs when it is the program, which the name of its bundle tells it.
    process.argv[1] = `bench-${name}.mjs`;
    process.argv.length = 2;
    await PROGRAMS[name]!();
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
  return 0;
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string" }, "warm-up": { type: "string" }, json: { type: "string" } },
  });
}
