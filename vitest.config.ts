import { defineConfig } from "vitest/config";

/** They hold descriptors, control groups and namespaces of the real kernel for long: each has a process of its own. */
const ALONE = "test/kernel/events/**/*.oracle.ts";

// Unit tests mirror src/. Oracle tests compare with a referee (bpftool, llvm, the live kernel) and skip, saying so, where it is absent.
export default defineConfig({
  test: {
    // Generous: a machine may do other things, too.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    setupFiles: ["test/setup.ts"],
    pool: "threads",
    maxWorkers: 2,
    ...(process.env["TSBPF_ORACLE"]
      ? {
          projects: [
            {
              extends: true as const,
              test: {
                name: "together",
                include: ["test/**/*.oracle.ts"],
                exclude: [ALONE, "node_modules/**"],
              },
            },
            { extends: true as const, test: { name: "alone", include: [ALONE], pool: "forks" as const } },
          ],
        }
      : { include: ["test/**/*.test.ts"] }),
  },
});
