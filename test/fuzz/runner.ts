import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { LIMITS, resourceProblem } from "./oracle.ts";
import { type Finding, inputOf, type Slice, type SliceResult } from "./slice.ts";
import { targetNamed } from "./targets/index.ts";
import { Progress, type WorkerData, type WorkerMessage } from "./worker.ts";

/** An input that takes so long hangs, in milliseconds of this process' own time. */
const HANG = 8000;
/** So many times as long by the clock, and it does not even run. */
const STUCK = 20;
const MINIMISING = 60_000;
const LOOK = 200;
/** A worker is replaced after so many inputs, so that nothing it keeps adds up. */
const INPUTS_PER_WORKER = 200_000;

/** Runs slices in a worker that is replaced when it hangs, dies or is old. */
export class Runner {
  readonly #known = new Map<string, Set<string>>();
  readonly #found: (finding: Finding) => void;
  #worker: Worker | undefined;
  #words = new Int32Array(new SharedArrayBuffer(4 * Progress.WORDS));
  #inputs = 0;

  constructor(found: (finding: Finding) => void) {
    this.#found = (finding) => {
      let known = this.#known.get(finding.target);
      if (known === undefined) this.#known.set(finding.target, (known = new Set()));
      known.add(finding.problem.signature);
      found(finding);
    };
  }

  /** Runs a slice; where the worker is lost, up to the input that killed it, which is a finding. */
  async run(slice: Slice): Promise<SliceResult> {
    const worker = (this.#worker ??= this.#start());
    Atomics.store(this.#words, Progress.INPUT, -1);
    const outcome = await this.#watch(worker, slice);
    if (typeof outcome !== "string") {
      this.#inputs += outcome.inputs;
      if (this.#inputs > INPUTS_PER_WORKER) await this.close();
      return outcome;
    }
    const index = Atomics.load(this.#words, Progress.INPUT);
    await this.close();
    if (index < 0) throw new Error(`the worker was lost before its first input: ${outcome}`);
    const target = targetNamed(slice.target)!;
    const kind = outcome.startsWith("hangs") ? "time" : "memory";
    const input = inputOf(target, target.corpus(), slice.seed, index);
    this.#found({ target: slice.target, index, problem: resourceProblem(kind, outcome), input });
    return {
      inputs: index - slice.from + 1,
      accepted: 0,
      runs: 0,
      slowest: 0,
      slowestIndex: index,
      largest: 0,
      repeated: 0,
    };
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
    this.#inputs = 0;
  }

  #start(): Worker {
    const progress = new SharedArrayBuffer(4 * Progress.WORDS);
    this.#words = new Int32Array(progress);
    const workerData: WorkerData = { progress, known: this.#known };
    // This file's bundle is the worker's program too.
    return new Worker(fileURLToPath(import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: LIMITS.bytes >> 20, maxYoungGenerationSizeMb: 64 },
    });
  }

  /** The result, or what became of the worker. */
  #watch(worker: Worker, slice: Slice): Promise<SliceResult | string> {
    return new Promise((resolve) => {
      let last = -1;
      let since = performance.now();
      let sinceCpu = process.cpuUsage();
      const hang = Math.max(HANG, 2 * (targetNamed(slice.target)?.milliseconds ?? 0));
      const look = setInterval(() => {
        const index = Atomics.load(this.#words, Progress.INPUT);
        const runs = Atomics.load(this.#words, Progress.RUNS);
        const now = performance.now();
        if (runs !== last) {
          last = runs;
          since = now;
          sinceCpu = process.cpuUsage();
        }
        const patience = Atomics.load(this.#words, Progress.MINIMISING) === 1 ? MINIMISING : hang;
        const { user, system } = process.cpuUsage(sinceCpu);
        const late = (user + system) / 1000 > patience || now - since > STUCK * patience;
        // Before the first input the corpus is made.
        if (index >= 0 && late) finish(`hangs: no end after ${Math.round(now - since)} ms`);
      }, LOOK);
      const onMessage = (message: WorkerMessage): void => {
        if (message.kind === "finding") this.#found(message.finding);
        else finish(message.result);
      };
      const onError = (error: Error): void => finish(`the worker died: ${error.message}`);
      const onExit = (code: number): void => finish(`the worker exited with ${code}`);
      const finish = (outcome: SliceResult | string): void => {
        clearInterval(look);
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        resolve(outcome);
      };
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(slice);
    });
  }
}
