import { parentPort, workerData } from "node:worker_threads";
import { type Finding, runSlice, type Slice, type SliceResult } from "./slice.ts";
import { targetNamed } from "./targets/index.ts";

/** What a worker is started with. */
export interface WorkerData {
  /** Where the worker says what it is at, see {@link Progress}. */
  readonly progress: SharedArrayBuffer;
  /** Signatures of the bugs found before it was started, by target. */
  readonly known: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Words of the shared progress. */
export const Progress = {
  /** Number of the input. */
  INPUT: 0,
  MINIMISING: 1,
  /** Counts runs: some inputs are run again. */
  RUNS: 2,
  WORDS: 3,
} as const;

export type WorkerMessage =
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "done"; readonly result: SliceResult };

/** Runs slices that it is sent, one after the other. */
export function serve(): void {
  const { progress, known } = workerData as WorkerData;
  const words = new Int32Array(progress);
  const port = parentPort!;
  const corpora = new Map<string, readonly Uint8Array[]>();
  const signatures = new Map<string, Set<string>>();
  const tell = (message: WorkerMessage): void => port.postMessage(message);
  port.on("message", (slice: Slice) => {
    const target = targetNamed(slice.target)!;
    const corpus = corpora.get(target.name) ?? target.corpus();
    corpora.set(target.name, corpus);
    const seen = signatures.get(target.name) ?? new Set(known.get(target.name));
    signatures.set(target.name, seen);
    const result = runSlice(target, corpus, slice, seen, {
      started(index) {
        words[Progress.MINIMISING] = 0;
        Atomics.add(words, Progress.RUNS, 1);
        Atomics.store(words, Progress.INPUT, index);
      },
      minimising() {
        Atomics.store(words, Progress.MINIMISING, 1);
      },
      found: (finding) => tell({ kind: "finding", finding }),
    });
    tell({ kind: "done", result });
  });
}
