import { TsbpfError } from "../../base/index.ts";
import type { Answer, Ask, ExecutorRequest, JobOutcome } from "./messages.ts";
import type { ExecutorThread } from "./threads.ts";

interface Waiting {
  readonly resolve: (outcome: JobOutcome | null) => void;
  readonly reject: (error: Error) => void;
}

/** An executor on another thread, as the kernel's thread sees it. */
export class RemoteExecutor {
  readonly id: number;
  /** Programs that it has, by id, with the index by which tail calls reach them there. */
  readonly programs = new Map<number, number>();
  /** Names of the shapes that it has. */
  readonly shapes = new Set<string>();
  readonly #thread: ExecutorThread;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: Error | null = null;

  /** @param gone is called where the thread ends by itself. */
  constructor(thread: ExecutorThread, id: number, gone: () => void) {
    this.#thread = thread;
    this.id = id;
    thread.listen(
      (message) => this.#answered(message as Answer),
      (cause) => {
        if (this.#ended !== null) return;
        this.#end(new TsbpfError(`executor ${id}: its thread ended: ${cause.message}`, { cause }));
        gone();
      },
    );
  }

  /** Questions that it has not answered yet. */
  get busy(): number {
    return this.#waiting.size;
  }

  /** Asks for something; the process stays alive until the answer is there. @throws what went wrong there. */
  ask(request: ExecutorRequest): Promise<JobOutcome | null> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const number = ++this.#last;
    this.#thread.hold(true);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#thread.post({ number, request } satisfies Ask);
    });
  }

  /** See {@link ExecutorThread.beforeExit}. */
  beforeExit(stop: () => void): void {
    this.#thread.beforeExit?.(stop);
  }

  /** Ends the thread; whoever waits for an answer is told `why`. */
  close(why: Error): void {
    if (this.#ended !== null) return;
    this.#end(why);
    this.#thread.end();
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (this.#waiting.size === 0) this.#thread.hold(false);
    if (waiting === undefined) return;
    if (!("error" in answer)) {
      waiting.resolve(answer.outcome);
      return;
    }
    const cause = new Error(answer.error.message);
    cause.stack = answer.error.stack;
    waiting.reject(new TsbpfError(`executor ${this.id}: ${answer.error.message}`, { cause }));
  }

  #end(why: Error): void {
    this.#ended = why;
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
  }
}
