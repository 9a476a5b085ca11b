// The thread of an executor: see nodeExecutors.
import { parentPort } from "node:worker_threads";
import { serveExecutor } from "../kernel/index.ts";

const port = parentPort!;
serveExecutor({
  post: (message) => port.postMessage(message),
  listen: (message) => void port.on("message", message),
});
