// CPUs that count events in one map at the same time: what is lost, what each cure costs, beside the running Linux kernel.
//
//   npm run example -- concurrency [--cpus N] [--events N] [--engine interp|jit] [--no-live]
//   node concurrency.mjs                                  in a checkout after `npm run build`
//
// The programs are counters.bpf.c, compiled. Each CPU is an executor on a thread of its own, all on one memory.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { EmbeddedKernel } from "tsbpf/kernel";
import { load } from "tsbpf/loader";
import { nodeExecutors } from "tsbpf/node";
import { open } from "tsbpf/object";
import { liveKernel } from "./live.mjs";
import { report } from "./report.mjs";

/** A way to count, the map in which it does, and how to read the count. `nothing` counts nothing. */
const WAYS = [
  { name: "nothing", what: "a run that counts nothing", map: "shared", count: () => null },
  { name: "plain", what: "*v += 1", map: "shared", count: (value) => value },
  { name: "atomic", what: "lock *v += 1", map: "shared", count: (value) => value },
  { name: "spin", what: "*v += 1 under bpf_spin_lock", map: "guarded", count: ({ value }) => value },
  { name: "per_cpu", what: "*v += 1 in a per-CPU map", map: "own", count: (values) => values.sum() },
];

const REFUSED = "spin_while_tracing";

/** Runs are not compared before the code that they run is the last that an engine makes of them. */
const WARM_UP = 100_000;

const { values } = parseArgs({
  options: {
    cpus: { type: "string", default: String(Math.max(2, Math.min(4, availableParallelism()))) },
    events: { type: "string", default: "2000000" },
    engine: { type: "string", default: "jit" },
    "no-live": { type: "boolean", default: false },
  },
});
const cpus = Array.from({ length: Number(values.cpus) }, (_, cpu) => cpu);
const events = Number(values.events);
if (!(cpus.length >= 1 && events >= 1) || !["interp", "jit"].includes(values.engine)) {
  console.error("concurrency: expected --cpus and --events above 0, and --engine interp or jit");
  process.exit(2);
}

const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const file = new URL("../../testdata/concurrency/counters.bpf.o", import.meta.url);
const spec = open(readFileSync(file), { name: "counters.bpf.o" });

/** Has every CPU count `repeat` events, and gives what was counted and lost, and nanoseconds an event on one CPU. */
async function measure(kernel, object, way, repeat) {
  const map = object.maps.get(way.map);
  const zero = { shared: 0n, guarded: { value: 0n }, own: cpus.map(() => 0n) }[way.map];
  map.set(0, way.map === "own" ? Array.from({ length: map.get(0).length }, () => 0n) : zero);
  const ran = await kernel.run(object.programs.get(way.name).fd, repeat, interrupt.signal);
  const total = ran.reduce((sum, { runs }) => sum + runs, 0);
  const time = ran.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
  const counted = way.count(map.get(0));
  return {
    ...way,
    total,
    counted: counted === null ? null : Number(counted),
    lost: counted === null ? null : total - Number(counted),
    nanoseconds: total === 0 ? 0 : time / total,
  };
}

/** Loads the programs into a kernel and measures each. */
async function measureAll(kernel) {
  const object = load(spec, kernel.sys);
  const results = [];
  try {
    for (const way of WAYS) {
      if (interrupt.signal.aborted) break;
      await measure(kernel, object, way, Math.min(WARM_UP, events));
      let result = await measure(kernel, object, way, events);
      // Losses are a matter of chance: where CPUs met too seldom, they get more time to.
      for (
        let more = 2;
        way.name === "plain" && result.lost === 0 && more <= 16 && !interrupt.signal.aborted;
        more *= 2
      ) {
        result = await measure(kernel, object, way, events * more);
      }
      results.push(result);
    }
    return { name: kernel.name, results, refusal: refusalOf(kernel.sys) };
  } finally {
    object.close();
  }
}

/** Why a tracing program may not take the lock, in the verifier's words. */
function refusalOf(sys) {
  try {
    load(spec, sys, { autoload: ({ name }) => name === REFUSED, logLevel: 1 }).close();
    return null;
  } catch (error) {
    return (error.log ?? String(error)).trim().split("\n")[0];
  }
}

async function embedded() {
  const kernel = new EmbeddedKernel({
    cpus: cpus.length,
    engine: values.engine,
    executors: nodeExecutors(cpus.length),
  });
  try {
    return await measureAll({
      name: `embedded kernel, ${values.engine}`,
      sys: kernel,
      run: (progFd, repeat, signal) => kernel.runParallel({ progFd, cpus, repeat, signal }),
    });
  } finally {
    await kernel.shutdown();
  }
}

async function live() {
  if (values["no-live"]) return { why: "not asked for" };
  const kernel = await liveKernel(cpus);
  if (kernel.why !== undefined) return kernel;
  try {
    return await measureAll(kernel);
  } catch (error) {
    return { why: error.message.split("\n")[0] };
  } finally {
    await kernel.close();
  }
}

const kernels = [await embedded()];
const beside = interrupt.signal.aborted ? { why: "interrupted" } : await live();
if (beside.why === undefined) kernels.push(beside);
report(kernels, { cpus: cpus.length, events, cores: availableParallelism(), notShown: beside.why });
process.exitCode = interrupt.signal.aborted ? 130 : 0;
