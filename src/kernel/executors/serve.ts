import { GuestExecutor } from "./guest.ts";
import type { Answer, Ask, ExecutorRequest, JobOutcome } from "./messages.ts";
import type { KernelThread } from "./threads.ts";

/** Is an executor of the kernel at the other end from now on: what a thread that `ExecutorThreads` starts has to call. */
export function serveExecutor(kernel: KernelThread): void {
  let guest: GuestExecutor | undefined;
  const act = (request: ExecutorRequest): JobOutcome | null => {
    switch (request.kind) {
      case "boot":
        guest = new GuestExecutor(request.boot);
        return null;
      case "load":
        guest!.load(request.programs, request.shapes);
        return null;
      case "unload":
        guest!.unload(request.program);
        return null;
      case "run":
        return guest!.run(request.job);
    }
  };
  kernel.listen((message) => {
    const { number, request } = message as Ask;
    let answer: Answer;
    try {
      answer = { number, outcome: act(request) };
    } catch (error) {
      const { message: text, stack = "" } = error instanceof Error ? error : new Error(String(error));
      answer = { number, error: { message: text, stack } };
    }
    kernel.post(answer);
  });
}
