import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { livePort } from "../support/live-port.ts";

const live = await livePort();

describe.skipIf(live.port === null)(
  `examples/concurrency beside the running kernel (${live.why ?? ""})`,
  () => {
    it("counts on both, and both refuse the lock in a tracing program in the same words", () => {
      const args = ["run", "--silent", "example", "--", "concurrency", "--cpus", "2", "--events", "200000"];
      const { status, stdout } = spawnSync("npm", args, { encoding: "utf8", timeout: 170_000 });
      expect(status).toBe(0);
      for (const way of ["atomic", "spin", "per_cpu"]) {
        const rows = stdout
          .split("\n")
          .filter((line) => new RegExp(`^ {2}${way} +.* 400,000 +400,000 +0 `).test(line));
        expect([way, rows.length]).toEqual([way, 2]);
      }
      const refusals = stdout.match(/"tracing progs cannot use bpf_spin_lock yet"/g);
      expect(refusals?.length).toBe(2);
    });
  },
);
