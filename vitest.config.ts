import { defineConfig } from "vitest/config";

// Unit tests mirror src/. Oracle tests compare with a referee (bpftool, llvm, the live kernel) and skip, saying so, where it is absent.
export default defineConfig({
  test: {
    include: process.env["TSBPF_ORACLE"] ? ["test/**/*.oracle.ts"] : ["test/**/*.test.ts"],
    // Generous: a machine may do other things, too.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    setupFiles: ["test/setup.ts"],
    // Control groups, namespaces and sockets are of a process: no two files that compare with a kernel share one at a time.
    pool: process.env["TSBPF_ORACLE"] ? "forks" : "threads",
    // Files that run one after the other share modules: each would spend half its time on reading them again.
    isolate: false,
    maxWorkers: 2,
  },
});
