import { afterAll, expect, it } from "vitest";
import { jhash2 } from "../../src/maps/jhash.ts";
import { BpfMapFlag, BpfMapType } from "../../src/uapi/index.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { load } from "./programs.ts";
import { type Pair, room, Twins } from "./twins.ts";

const SKIP = 1n;
const USER = 1n << 8n;
const FAST = 1n << 9n;
const REUSE = 1n << 10n;
const BUILD_ID = 1n << 11n;

const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);

/** The id of the stack by some flags. From another place in the program the innermost frame would be another. */
const ID = `
  r3 = *(u64 *)(r1 + 0)
  r2 = %0
  call bpf_get_stackid
  exit`;

/** An id, and up to 8 frames in an array: what the id is the hash of. The innermost is that of each call. */
const ID_AND_FRAMES = `
  r6 = r1
  *(u32 *)(r10 - 4) = 0
  r1 = %1
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r1 = r6
  r2 = r0
  r3 = 64
  r4 = 1
  call bpf_get_stack
  r1 = r6
  r2 = %0
  r3 = 1
  call bpf_get_stackid
out:
  exit`;

/** `bpf_get_stack` on 64 bytes, of which the first or last word is left out where the size says so. */
const GET_STACK = `
  r6 = r1
  r4 = *(u64 *)(r6 + 0)
  r2 = r10
  r2 += -64
  r3 = SIZE
  call bpf_get_stack
  exit`;

describeWith([liveKernel("6.18")], "stack traces as Linux", async () => {
  const twins = await Twins.meet();
  afterAll(() => twins[Symbol.dispose]());

  const make = (more: Record<string, number> = {}) =>
    twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.STACK_TRACE,
      keySize: 4,
      valueSize: 64,
      maxEntries: 1,
      ...more,
    });
  const run = (progFd: Pair, ...flags: readonly bigint[]) => {
    for (const each of flags) {
      const ctxIn = new Uint8Array(BigUint64Array.of(each).buffer);
      twins.call("PROG_TEST_RUN", { progFd, ctxIn, ctxSizeIn: 8 });
    }
  };

  it("are made by its rules", () => {
    const attempts: Record<string, number>[] = [];
    for (const keySize of [0, 1, 4, 8]) attempts.push({ keySize });
    for (const valueSize of [0, 4, 8, 12, 127 * 8, 128 * 8, 127 * 32, 128 * 32]) {
      attempts.push({ valueSize }, { valueSize, mapFlags: BpfMapFlag.STACK_BUILD_ID });
    }
    for (const maxEntries of [0, 1, 3]) attempts.push({ maxEntries });
    for (let bit = 0; bit < 20; bit++) {
      if (1 << bit !== BpfMapFlag.NUMA_NODE) attempts.push({ mapFlags: 1 << bit });
    }
    for (const fields of attempts) {
      const base = { mapType: BpfMapType.STACK_TRACE, keySize: 4, valueSize: 64, maxEntries: 2 };
      const map = twins.open("MAP_CREATE", { ...base, ...fields });
      if (map !== null) twins.close(map);
    }
    expect(twins.taken()).toEqual([]);
  });

  it("give ids, and refuse them, by their flags", () => {
    const flags = [
      0n,
      SKIP,
      2n,
      FAST,
      FAST | SKIP,
      REUSE,
      REUSE | SKIP,
      REUSE | FAST,
      200n,
      255n,
      BUILD_ID,
      1n << 12n,
      1n << 32n,
    ];
    for (const more of [
      {},
      { maxEntries: 1, valueSize: 8 },
      { valueSize: 64, mapFlags: BpfMapFlag.STACK_BUILD_ID },
    ]) {
      for (const first of flags) {
        for (const second of flags) {
          const map = make(more);
          const progFd = load(twins, "raw_tracepoint", ID, { maps: [map] });
          run(progFd, first, second, first);
          twins.close(progFd);
          twins.close(map);
        }
      }
    }
    expect(twins.taken()).toEqual([]);
  });

  it("of the user give nothing where there is none", () => {
    const map = make();
    const progFd = load(twins, "raw_tracepoint", ID, { maps: [map] });
    // A test run of a raw tracepoint knows no registers of the user but the caller's: whatever there is, one id.
    twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key: word(0), value: room(64) });
    for (const flags of [USER | BUILD_ID, USER | (1n << 33n)]) run(progFd, flags);
    twins.close(progFd);
    twins.close(map);
    expect(twins.taken()).toEqual([]);
  });

  it("are read, walked and deleted by system calls", () => {
    const map = make();
    const progFd = load(twins, "raw_tracepoint", ID, { maps: [map] });
    const commands = () => {
      for (const key of [word(0), word(1), word(0xffff_ffff), 0n]) {
        twins.call("MAP_GET_NEXT_KEY", { mapFd: map, key, nextKey: room(4) });
        twins.call("MAP_LOOKUP_ELEM", { mapFd: map, key, value: room(64) }, { ignore: ["value"] });
        for (const flags of [0n, 1n, 2n, 4n]) {
          twins.call("MAP_UPDATE_ELEM", { mapFd: map, key, value: room(64), flags });
        }
      }
    };
    for (const command of ["MAP_DELETE_ELEM", "MAP_LOOKUP_AND_DELETE_ELEM"] as const) {
      commands();
      run(progFd, 0n);
      commands();
      for (const key of [word(1), word(9), word(0), word(0)]) {
        const fields = command === "MAP_DELETE_ELEM" ? {} : { value: room(64) };
        twins.call(command, { mapFd: map, key, ...fields }, { ignore: ["value"] });
      }
    }
    for (const command of ["MAP_LOOKUP_BATCH", "MAP_UPDATE_BATCH", "MAP_DELETE_BATCH"] as const) {
      twins.call(command, { mapFd: map, keys: word(0), values: room(64), outBatch: room(4), count: 1 });
    }
    twins.call("MAP_FREEZE", { mapFd: map });
    twins.call("MAP_DELETE_ELEM", { mapFd: map, key: word(0) });
    twins.close(progFd);
    twins.close(map);
    expect(twins.taken()).toEqual([]);
  });

  it("have the hash of their frames as ids", () => {
    const map = make({ maxEntries: 65536 });
    const frames = twins.mustOpen("MAP_CREATE", {
      mapType: BpfMapType.ARRAY,
      keySize: 4,
      valueSize: 64,
      maxEntries: 1,
    });
    const progFd = load(twins, "raw_tracepoint", ID_AND_FRAMES, { maps: [map, frames] });
    for (const side of twins.sides) {
      const { retval } = side.sys.progTestRun({ progFd: side.of(progFd), ctxIn: new Uint8Array(8) });
      const stack = side.sys.mapLookupElem({ mapFd: side.of(frames), key: word(0), userValueSize: 64 })!;
      const addresses = new BigUint64Array(stack.slice().buffer);
      const depth = addresses.indexOf(0n);
      const words = new Uint32Array(addresses.slice(0, depth < 0 ? 8 : depth).buffer);
      expect(words.length).toBeGreaterThan(2);
      expect(retval).toBe(jhash2(words, 0) & 0xffff);
      const key = word(retval);
      expect(side.sys.mapLookupElem({ mapFd: side.of(map), key, userValueSize: 64 })).toEqual(stack);
    }
    for (const pair of [progFd, frames, map]) twins.close(pair);
  });

  it("are copied by size and flags", () => {
    for (const size of [0, 8, 32, 60, 64]) {
      const progFd = load(twins, "raw_tracepoint", GET_STACK.replace("SIZE", String(size)));
      const flags = [0n, 1n, 200n, FAST, REUSE, BUILD_ID, USER | BUILD_ID | FAST, 1n << 40n];
      run(progFd, ...flags);
      twins.close(progFd);
    }
    expect(twins.taken()).toEqual([]);
  });
});
