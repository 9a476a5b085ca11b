import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { type Capability, EmbeddedKernel } from "../../src/kernel/index.ts";
import { BpfCommands, Errno } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { usualSizes } from "../platform/live-maps.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { capabilityNumbers } from "../verifier/support/case-rights.ts";

type Change = Partial<Parameters<BpfCommands["mapCreate"]>[0]>;

const NOT_OPEN = 9999;
/** Each wrong in its own way, for some type or other. */
const CHANGES: Readonly<Record<string, Change>> = {
  nothing: {},
  "key 0": { keySize: 0 },
  "key 3": { keySize: 3 },
  "a large key": { keySize: 1 << 24 },
  "value 0": { valueSize: 0 },
  "value 3": { valueSize: 3 },
  "a large value": { valueSize: 1 << 30 },
  "no entries": { maxEntries: 0 },
  "three entries": { maxEntries: 3 },
  "an unknown flag": { mapFlags: 1 << 13 },
  "no preallocation": { mapFlags: BpfMapFlag.NO_PREALLOC },
  "neither to be read nor written": { mapFlags: BpfMapFlag.RDONLY_PROG | BpfMapFlag.WRONLY_PROG },
  "a zero seed": { mapFlags: BpfMapFlag.ZERO_SEED },
  "an extra": { mapExtra: 1n },
  "another node": { mapFlags: BpfMapFlag.NUMA_NODE, numaNode: 99 },
  "no inner map": { innerMapFd: NOT_OPEN },
  "a wrong name": { mapName: "a b" },
  "no types": { btfFd: NOT_OPEN, btfKeyTypeId: 1, btfValueTypeId: 1 },
};
const RIGHTS: readonly (readonly Capability[])[] = [
  [],
  ["BPF"],
  ["BPF", "NET_ADMIN"],
  ["NET_ADMIN"],
  ["PERFMON"],
];
const SYSCTL = "/proc/sys/kernel/unprivileged_bpf_disabled";

describeWith([liveKernel("6.18")], "MAP_CREATE without all rights, as on Linux", async () => {
  const { port, withCapabilities } = await livePort();
  const disabled = Number(readFileSync(SYSCTL, "utf8")) as 0 | 1 | 2;

  it.each(RIGHTS.map((rights) => [rights.join(" ") || "none", rights] as const))("%s", (_, rights) => {
    const linux = new BpfCommands(port!);
    const kernel = new EmbeddedKernel({ unprivilegedBpfDisabled: disabled });
    const embedded = kernel.process({ caps: rights });
    const differing: string[] = [];
    for (const [name, type] of Object.entries(BpfMapType)) {
      for (const [what, change] of Object.entries(CHANGES)) {
        const answer = withCapabilities!(capabilityNumbers(rights), () => attempt(linux, type, change));
        const mine = attempt(embedded, type, change);
        if (answer !== mine) differing.push(`${name}, ${what}: Linux ${answer}, here ${mine}`);
      }
    }
    expect(differing).toEqual([]);
  });
});

/** "done", or the errno's name. Types and inner maps are named that are not there: their turn comes last. */
function attempt(sys: BpfCommands, mapType: BpfMapType, change: Change): string {
  const { typed, flags, keySize, valueSize, maxEntries } = usualSizes(mapType);
  try {
    const fd = sys.mapCreate({
      mapType,
      keySize,
      valueSize,
      maxEntries,
      mapFlags: flags,
      ...(typed === true ? { btfFd: NOT_OPEN, btfKeyTypeId: 1, btfValueTypeId: 1 } : {}),
      ...(mapType === BpfMapType.ARRAY_OF_MAPS || mapType === BpfMapType.HASH_OF_MAPS
        ? { innerMapFd: NOT_OPEN }
        : {}),
      ...change,
    });
    sys.close(fd);
    return "done";
  } catch (error) {
    if (error instanceof Errno) return error.code;
    throw error;
  }
}
