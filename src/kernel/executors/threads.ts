/**
 * Where an embedded kernel runs programs beside its own thread. The kernel starts no thread by itself: `nodeExecutors`
 * of `tsbpf/node` gives Node's workers, a browser's page can give its own.
 */
export interface ExecutorThreads {
  /** How many programs can run at a time, beside the kernel's own thread: 1 to 63. */
  readonly count: number;
  /** Starts the thread of one, which has to call `serveExecutor`. */
  start(): ExecutorThread;
}

/** A thread that was started, as the kernel's thread has it. */
export interface ExecutorThread {
  /** Sends a structured clone to it. */
  post(message: unknown): void;
  /** Is called once, before anything is posted. `ended` is told why the thread is no more. */
  listen(message: (message: unknown) => void, ended: (cause: Error) => void): void;
  /** Whether the process has to stay alive for it: while it runs something. */
  hold(held: boolean): void;
  /** Ends it, whatever it does. */
  end(): void;
  /** What is to be done when the whole process ends while it runs programs; `stop` returns when it runs none any more. */
  beforeExit?(stop: () => void): void;
}

/** The kernel's thread, as the thread of an executor has it. */
export interface KernelThread {
  post(message: unknown): void;
  listen(message: (message: unknown) => void): void;
}
