import { describe, expect, it } from "vitest";
import { LinuxMapping } from "../../../src/node/linux/mapping.ts";
import { LinuxMemory } from "../../../src/node/linux/memory.ts";
import { syscallNumbers } from "../../../src/node/linux/syscalls.ts";

describe("memory that is lent", () => {
  const addresses = new Map<Uint8Array, bigint>();
  const memory = new LinuxMemory((bytes) => addresses.get(bytes)!);
  const lend = (address: bigint, length: number) => {
    const bytes = new Uint8Array(length);
    addresses.set(bytes, address);
    expect(memory.lend(bytes)).toBe(length === 0 ? 0n : address);
    return bytes;
  };

  it("is read and written where it is, as long as it is lent", () => {
    const bytes = lend(0x1000n, 16);
    bytes[5] = 7;
    expect(memory.read(0x1004n, 2)).toEqual(Uint8Array.of(0, 7));
    expect(memory.write(0x100en, Uint8Array.of(1, 2))).toBe(true);
    expect(bytes[15]).toBe(2);
    expect(memory.read(0x100fn, 2)).toBeNull();
    expect(memory.write(0xfffn, Uint8Array.of(1))).toBe(false);
    memory.release(0x1000n);
    expect(memory.read(0x1000n, 1)).toBeNull();
  });

  it("has no address where it is empty", () => {
    lend(0x2000n, 0);
    expect(memory.read(0n, 1)).toBeNull();
  });

  it("may be lent twice, and is given back once for each", () => {
    const bytes = lend(0x3000n, 4);
    memory.lend(bytes);
    memory.release(0x3000n);
    expect(memory.read(0x3000n, 4)).not.toBeNull();
    memory.release(0x3000n);
    expect(memory.read(0x3000n, 4)).toBeNull();
  });
});

describe("a mapping", () => {
  it("is read, written, and closed once", () => {
    let unmapped = 0;
    const mapping = new LinuxMapping(new Uint8Array(16), () => unmapped++);
    mapping.store32(4, -2);
    expect(mapping.load32(4)).toBe(-2);
    mapping.write(8, Uint8Array.of(1, 2));
    const copy = mapping.read(8, 2);
    copy[0] = 9;
    expect(mapping.read(8, 2)).toEqual(Uint8Array.of(1, 2));
    for (const [offset, length] of [
      [15, 2],
      [-1, 1],
      [0.5, 1],
    ] as const)
      expect(() => mapping.read(offset, length)).toThrow("mapping: expected bytes below 16");
    mapping.close();
    mapping.close();
    expect(unmapped).toBe(1);
    expect(() => mapping.load32(0)).toThrow("mapping: expected an open one, got a closed one");
  });
});

describe("numbers of system calls", () => {
  it("are the architecture's", () => {
    expect(syscallNumbers("x64")).toMatchObject({ bpf: 321, perf_event_open: 298 });
    expect(syscallNumbers("arm64")).toMatchObject({ bpf: 280, perf_event_open: 241 });
    expect(() => syscallNumbers("mips")).toThrow("the live kernel of mips is not supported");
  });
});
