import { Worker } from "node:worker_threads";
import type { ExecutorThread, ExecutorThreads } from "../kernel/index.ts";

export interface NodeExecutorsOptions {
  /** Source of a CommonJS program that does what `executor-worker` does, where that file is not to be had: in bundles. */
  readonly source?: string;
}

/**
 * Executors of an embedded kernel on worker threads: programs run on several CPUs at once.
 *
 * ```ts
 * const kernel = new EmbeddedKernel({ cpus: 2, executors: nodeExecutors(2) });
 * await kernel.runParallel({ progFd, cpus: [0, 1], repeat: 1000 });
 * await kernel.shutdown();
 * ```
 *
 * Threads start with the first parallel run. They keep the process alive only while they run something.
 *
 * @param count 1 to 63.
 */
export function nodeExecutors(count: number, options: NodeExecutorsOptions = {}): ExecutorThreads {
  const exit = new ExitHook();
  return { count, start: () => new WorkerThread(options, exit) };
}

/** What is to be done before the process ends, for all threads of a kernel. */
class ExitHook {
  readonly #stops = new Map<object, () => void>();
  readonly #run = () => {
    for (const stop of new Set(this.#stops.values())) stop();
  };

  add(thread: object, stop: () => void): void {
    if (this.#stops.size === 0) process.on("exit", this.#run);
    this.#stops.set(thread, stop);
  }

  remove(thread: object): void {
    if (this.#stops.delete(thread) && this.#stops.size === 0) process.off("exit", this.#run);
  }
}

/** Beside this file, with the same extension: as it was compiled, or as it was written. */
function workerFile(): URL {
  const here = import.meta.url;
  return new URL(`executor-worker${here.slice(here.lastIndexOf("."))}`, here);
}

class WorkerThread implements ExecutorThread {
  readonly #worker: Worker;
  readonly #exit: ExitHook;

  constructor({ source }: NodeExecutorsOptions, exit: ExitHook) {
    this.#exit = exit;
    this.#worker =
      source === undefined
        ? new Worker(workerFile(), { name: "tsbpf executor" })
        : new Worker(source, { eval: true, name: "tsbpf executor" });
  }

  post(message: unknown): void {
    this.#worker.postMessage(message);
  }

  listen(message: (message: unknown) => void, ended: (cause: Error) => void): void {
    this.#worker.on("message", message);
    this.#worker.on("error", ended);
    this.#worker.on("exit", (code) => {
      this.#exit.remove(this);
      ended(new Error(`the worker exited with code ${code}`));
    });
    this.#worker.unref();
  }

  hold(held: boolean): void {
    if (held) this.#worker.ref();
    else this.#worker.unref();
  }

  beforeExit(stop: () => void): void {
    this.#exit.add(this, stop);
  }

  end(): void {
    this.#exit.remove(this);
    void this.#worker.terminate();
  }
}
