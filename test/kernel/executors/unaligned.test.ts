import { describe, expect, it } from "vitest";
import type { Mapping } from "../../../src/sys/index.ts";
import { testExecutors } from "../../support/executors.ts";
import { CaseProgram } from "../case-program.ts";
import { EXECUTORS } from "./support.ts";

const RUNS = 200_000;

describe("atomic additions to numbers of an arena that are not aligned", () => {
  it.each(["interp", "jit"] as const)("lose nothing on several CPUs, with the engine %s", async (engine) => {
    for (const at of [0, 3, 4, 60]) {
      const program = new CaseProgram(
        `type: socket_filter
map arena: arena, entries 4, flags mmapable, extra 0x100000010000
code:
  r2 = %arena
  r1 = ${0x1_0000 + at}
  r1 = addr_space_cast(r1, 0, 1)
  r2 = 1
  lock *(u64 *)(r1 + 0) += r2
  r0 = 0
  exit
`,
        { cpus: 2, engine, executors: await testExecutors(EXECUTORS) },
      );
      await using kernel = program.kernel;
      const arena = kernel.port.map(program.map(), 0, 4 * 4096, { write: true }) as Mapping;
      arena.write(0, new Uint8Array(128));
      await kernel.runParallel({ progFd: program.progFd, cpus: [0, 1], repeat: RUNS });
      const bytes = arena.read(at, 8);
      expect([at, new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)]).toEqual([
        at,
        BigInt(2 * RUNS),
      ]);
      arena.close();
    }
  });
});
