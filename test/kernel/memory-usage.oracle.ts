import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { mapMemoryUsage } from "../../src/kernel/map-usage.ts";
import { entriesOf, isHashType, isLruType } from "../../src/maps/index.ts";
import { defaultLayout } from "../../src/platform/index.ts";
import { BpfCommands } from "../../src/sys/index.ts";
import { BpfMapType } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";

describeWith([liveKernel("6.18")], "what Linux accounts for a map", () => {
  it("of every shape", async () => {
    const { port } = await livePort();
    const sys = new BpfCommands(port!);
    const cpus = sys.possibleCpus();
    const layout = defaultLayout();
    const wrong: string[] = [];
    for (const type of [
      BpfMapType.HASH,
      BpfMapType.ARRAY,
      BpfMapType.PERCPU_HASH,
      BpfMapType.PERCPU_ARRAY,
      BpfMapType.PROG_ARRAY,
      BpfMapType.LRU_HASH,
      BpfMapType.LRU_PERCPU_HASH,
    ]) {
      const hash = isHashType(type);
      for (const keySize of hash ? [1, 4, 8, 13] : [4]) {
        for (const valueSize of type === BpfMapType.PROG_ARRAY ? [4] : [1, 8, 13, 64]) {
          for (const maxEntries of [1, 3, 64, 1000]) {
            for (const flags of type === BpfMapType.PROG_ARRAY
              ? [0]
              : hash
                ? isLruType(type)
                  ? [0, 2]
                  : [0, 1]
                : type === BpfMapType.ARRAY
                  ? [0, 1024]
                  : [0]) {
              const fd = sys.mapCreate({ mapType: type, keySize, valueSize, maxEntries, mapFlags: flags });
              const text = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
              sys.close(fd);
              const theirs = Number(/memlock:\s+(\d+)/.exec(text)![1]);
              const asked = { type, keySize, valueSize, maxEntries, flags };
              const ours = mapMemoryUsage({ ...asked, maxEntries: entriesOf(asked, cpus) }, cpus, layout);
              if (ours !== theirs)
                wrong.push(
                  `${type} ${keySize}/${valueSize} x ${maxEntries} ${flags}: ${ours}, Linux ${theirs}`,
                );
            }
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("of stack traces", async () => {
    const { port } = await livePort();
    const sys = new BpfCommands(port!);
    for (const valueSize of [8, 64, 1016]) {
      for (const maxEntries of [1, 3, 64]) {
        const fields = { mapType: BpfMapType.STACK_TRACE, keySize: 4, valueSize, maxEntries };
        const fd = sys.mapCreate(fields);
        const text = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
        sys.close(fd);
        const asked = { type: BpfMapType.STACK_TRACE, keySize: 4, valueSize, maxEntries, flags: 0 };
        const ours = mapMemoryUsage(asked, sys.possibleCpus(), defaultLayout());
        expect({ ...asked, ours }).toEqual({ ...asked, ours: Number(/memlock:\s+(\d+)/.exec(text)![1]) });
      }
    }
  });

  it("of maps without keys", async () => {
    const { port } = await livePort();
    const sys = new BpfCommands(port!);
    for (const type of [BpfMapType.QUEUE, BpfMapType.STACK, BpfMapType.BLOOM_FILTER]) {
      for (const valueSize of [1, 8, 13]) {
        for (const maxEntries of [1, 3, 64, 1000]) {
          for (const extra of type === BpfMapType.BLOOM_FILTER ? [0n, 1n, 7n] : [0n]) {
            const fields = { mapType: type, keySize: 0, valueSize, maxEntries, mapExtra: extra };
            const fd = sys.mapCreate(fields);
            const text = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
            sys.close(fd);
            const asked = { type, keySize: 0, valueSize, maxEntries, flags: 0, extra };
            const ours = mapMemoryUsage(asked, sys.possibleCpus(), defaultLayout());
            expect({ ...asked, ours }).toEqual({ ...asked, ours: Number(/memlock:\s+(\d+)/.exec(text)![1]) });
          }
        }
      }
    }
  });
});
