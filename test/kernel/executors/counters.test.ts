import { expect, it } from "vitest";
import { PerfType } from "../../../src/uapi/index.ts";
import { perfOpen } from "../events/support.ts";
import { loadText } from "../support.ts";
import { parallelKernel } from "./support.ts";

it.each(["interp", "jit"] as const)("processors count what other executors run: %s", async (engine) => {
  await using kernel = await parallelKernel({ engine });
  const progFd = loadText(kernel, "socket_filter", "r0 = 1\nr0 += 1\nr0 += 1\nexit");
  const target = { progFd, cpus: [0, 1], repeat: 100_000 };
  const open = (cpu: number) =>
    perfOpen(kernel, { type: PerfType.HARDWARE, config: 1, readFormat: 3 }, { cpu });
  const counted = (fd: number) => new BigUint64Array((kernel.port.read(fd, 24) as Uint8Array).buffer)[0];
  const run = async () => {
    for (const result of await kernel.runParallel(target))
      expect(result).toMatchObject({ runs: 100_000, retval: 3, fault: null });
  };
  // Compiled without counting, and long since optimised.
  await run();
  const fds = [open(0), open(1)];
  await run();
  expect(fds.map(counted)).toEqual([400_000n, 400_000n]);
  await kernel.runParallel({ progFd, cpus: [1], repeat: 10 });
  expect(fds.map(counted)).toEqual([400_000n, 400_040n]);
  for (const fd of fds) kernel.port.close(fd);
  await run();
});
