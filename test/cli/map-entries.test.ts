import { describe, expect, it } from "vitest";
import { mapEntries } from "../../src/cli/map-entries.ts";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfCommands, mapInfo, type Port } from "../../src/sys/index.ts";
import { BpfCmd, BpfMapType } from "../../src/uapi/index.ts";

describe("the elements of a map", () => {
  it.each([
    ["hash", BpfMapType.HASH, 8],
    ["per-CPU hash", BpfMapType.PERCPU_HASH, 24],
  ])("of a %s come with whole values, two calls each", (_, mapType, bytes) => {
    const kernel = new EmbeddedKernel({ cpus: 3 });
    const fd = kernel.mapCreate({ mapType, keySize: 4, valueSize: 5, maxEntries: 50 });
    for (let i = 0; i < 50; i++) {
      const key = Uint8Array.of(i, 0, 0, 0);
      kernel.mapUpdateElem({ mapFd: fd, key, value: new Uint8Array(bytes).fill(i) });
    }
    const calls: number[] = [];
    const port: Port = Object.create(kernel.port, {
      memory: { value: kernel.port.memory },
      bpf: {
        value: (command: number, attr: Uint8Array, size: number) => {
          calls.push(command);
          return kernel.port.bpf(command, attr, size);
        },
      },
      readFile: { value: (path: string) => kernel.port.readFile(path) },
    });
    const entries = [...mapEntries(new BpfCommands(port), fd, mapInfo(kernel, fd))];
    expect(entries).toHaveLength(50);
    for (const { key, value } of entries) {
      expect(value).toHaveLength(mapType === BpfMapType.HASH ? 5 : 24);
      expect(value![0]).toBe(key[0]);
    }
    expect(new Set(calls)).toEqual(new Set([BpfCmd.MAP_GET_NEXT_KEY, BpfCmd.MAP_LOOKUP_ELEM]));
  });
});
