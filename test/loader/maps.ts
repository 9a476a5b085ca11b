import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type LoadedMap, type LoadOptions, load, PerCpu } from "../../src/loader/index.ts";
import { open, withGlobals } from "../../src/object/index.ts";
import type { BpfCommands } from "../../src/sys/index.ts";

const read = (...path: string[]) => new Uint8Array(readFileSync(join("testdata", ...path)));

/**
 * What every kernel has to give: the flow counter's maps as programs in JavaScript see them. `held` counts what would stay
 * open after a failure.
 */
export function describeMaps(sys: () => BpfCommands, held: () => number, options: LoadOptions = {}): void {
  const flow = () => open(read("flow", "flow.bpf.o"), { name: "flow.bpf.o" });

  it("loads the flow counter and runs it on a packet", () => {
    using object = load(flow(), sys(), options);
    const program = object.programs.get("count_flows")!;
    const { retval } = sys().progTestRun({ progFd: program.fd, dataIn: new Uint8Array(64), repeat: 1 });
    expect([1, 2]).toContain(retval);
    expect([...object.maps.keys()]).toEqual(["protocols", "flows", ".rodata", ".bss"]);
  });

  it("hash maps: get, set, has, delete, iteration", () => {
    using object = load(flow(), sys(), options);
    const flows = object.maps.get("flows")!;
    const empty = [...flows];
    expect(empty).toEqual([]);
    const key = flows.spec.keySize;
    for (let i = 0; i < 300; i++) {
      const bytes = new Uint8Array(key).fill(i & 0xff);
      bytes[0] = i >> 8;
      flows.set(bytes, new Uint8Array(flows.spec.valueSize).fill(i));
    }
    const entries = [...flows];
    expect(entries.length).toBe(300);
    for (const [found, value] of entries.slice(0, 20)) {
      expect(flows.has(found)).toBe(true);
      expect(flows.get(found)).toEqual(value);
    }
    expect(flows.delete(entries[0]![0])).toBe(true);
    expect(flows.delete(entries[0]![0])).toBe(false);
    expect(flows.get(entries[0]![0])).toBeUndefined();
    expect([...flows.keys()].length).toBe(299);
    flows.clear();
    expect([...flows.values()]).toEqual([]);
  });

  it("per-CPU maps: one value a CPU, and their sum", () => {
    using object = load(flow(), sys(), options);
    const protocols = object.maps.get("protocols") as LoadedMap<number, PerCpu<Record<string, bigint>>>;
    const before = protocols.get(1)!;
    expect(before).toBeInstanceOf(PerCpu);
    expect(before.length).toBe(sys().possibleCpus());
    const [first] = Object.keys(before[0]!);
    protocols.set(
      1,
      before.map((value, cpu) => ({ ...value, [first!]: BigInt(cpu + 1) })),
    );
    const after = protocols.get(1)!;
    expect(after[0]![first!]).toBe(1n);
    expect(after.sum()[first!]).toBe(BigInt((after.length * (after.length + 1)) / 2));
    expect([...protocols].length).toBe(6);
  });

  it("global variables by name; constants as they were set, and frozen", () => {
    const spec = withGlobals(flow(), { blocked_port: 80 });
    using object = load(spec, sys(), options);
    expect(object.globals.get("blocked_port")).toBe(80);
    expect(() => object.globals.set("blocked_port", 1)).toThrow(/BPF_MAP_UPDATE_ELEM: .*\(EPERM\)/);
    object.globals.set("malformed_packets", 41n);
    expect(object.globals.get("malformed_packets")).toBe(41n);
    expect(object.globals.get("untracked_packets")).toBe(0n);
    expect([...object.globals].map(([name]) => name).sort()).toEqual(
      ["blocked_port", "malformed_packets", "track_flows", "untracked_packets"].sort(),
    );
  });

  it("values that do not fit are refused before the kernel sees them", () => {
    using object = load(flow(), sys(), options);
    const flows = object.maps.get("flows")!;
    expect(() => flows.get(new Uint8Array(3))).toThrow("map flows: key: expected 40 bytes, got 3");
    expect(() => flows.get(7)).toThrow("value: expected an object, got 7");
  });

  it("says which program was refused, with the verifier's log, and closes everything", () => {
    const before = held();
    const spec = open(read("objects", "sections-unknown.bpf.o"), { name: "odd.bpf.o" });
    expect(() => load(spec, sys(), options)).toThrow(
      "object odd: program program: section my_own_name says no program type",
    );
    expect(() => load(flow(), sys(), { ...options, maps: new Map([["flows", 1 << 20]]) })).toThrow(
      /^object flow: map flows: dup: .*\(EBADF\)$/,
    );
    expect(held()).toBe(before);
  });
}
