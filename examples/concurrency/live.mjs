// The running Linux kernel for concurrency.mjs: as much of a port as loading needs, and a thread for each CPU.
// Programs are run by BPF_PROG_TEST_RUN, and attached nowhere; everything ends with the process at the latest.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { BpfCommands } from "tsbpf/sys";

const SYS_BPF = 321;
const ENOSYS = 38;

/** A kernel whose `run` has each CPU run a program; `{ why }` where this machine does not let us. */
export async function liveKernel(cpus) {
  if (process.platform !== "linux" || process.arch !== "x64") return { why: "this is not Linux on x86-64" };
  let koffi;
  try {
    ({ default: koffi } = await import("koffi"));
  } catch {
    return { why: "koffi, by which system calls are made, is not installed (npm install koffi)" };
  }
  const libc = koffi.load(null);
  const syscall = libc.func("syscall", "long", ["long", "long", "void *", "long"]);
  const closeFd = libc.func("close", "int", ["int"]);
  const dupFd = libc.func("dup", "int", ["int"]);
  const negative = (result) => (result < 0 ? -koffi.errno() : result);
  const lent = new Map();
  const port = {
    name: "linux",
    memory: {
      lend(bytes) {
        if (bytes.length === 0) return 0n;
        const address = BigInt(koffi.address(bytes));
        lent.set(address, bytes);
        return address;
      },
      release: (address) => void lent.delete(address),
      read: (address, length) => lent.get(address)?.subarray(0, length) ?? null,
      write: () => false,
    },
    bpf: (command, attr, size) => negative(syscall(SYS_BPF, command, attr, size)),
    close: (fd) => negative(closeFd(fd)),
    dup: (fd) => negative(dupFd(fd)),
    readFile: (path) => {
      try {
        return new Uint8Array(readFileSync(path));
      } catch {
        return -2;
      }
    },
    readDirectory: () => -ENOSYS,
    wait: async () => [],
  };
  // A map of no type: refused as such by who may ask.
  const probe = port.bpf(0, new Uint8Array(8), 8);
  if (probe === -1) return { why: "bpf(2) is not allowed here: needs root, or CAP_BPF and CAP_NET_ADMIN" };
  if (probe === -ENOSYS) return { why: "this kernel has no bpf(2)" };
  const threads = cpus.map((cpu) => new Thread(cpu));
  try {
    await Promise.all(threads.map((thread) => thread.ready));
  } catch (error) {
    for (const thread of threads) thread.end();
    return { why: error.message };
  }
  const release = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  return {
    name: `Linux ${release}`,
    sys: new BpfCommands(port),
    run: async (progFd, repeat, signal) => {
      // Threads meet at the first word, and stop at the second.
      const control = new Int32Array(new SharedArrayBuffer(8));
      const stop = () => Atomics.store(control, 1, 1);
      signal.addEventListener("abort", stop);
      try {
        return await Promise.all(
          threads.map((thread) => thread.run({ progFd, repeat, control, parties: threads.length })),
        );
      } finally {
        signal.removeEventListener("abort", stop);
      }
    },
    close: async () => {
      for (const thread of threads) thread.end();
    },
  };
}

/** A thread that is pinned to a CPU. */
class Thread {
  #worker;
  #waiting = [];

  constructor(cpu) {
    this.#worker = new Worker(new URL("./live-thread.mjs", import.meta.url), { workerData: { cpu } });
    this.#worker.on("message", ({ error, ...result }) => {
      const { resolve, reject } = this.#waiting.shift();
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
    this.#worker.on("error", (error) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    });
    this.ready = this.#answer();
  }

  run(job) {
    const answer = this.#answer();
    this.#worker.postMessage(job);
    return answer;
  }

  end() {
    this.#worker.postMessage(null);
  }

  #answer() {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}
