import { describe, expect, it } from "vitest";
import { checkMapCreate, defaultLayout, type MapCreateAttributes } from "../../src/platform/index.ts";
import { Errno, BpfMapFlag as F, BpfMapType as M } from "../../src/uapi/index.ts";

const layout = defaultLayout();

/** The name of the error of a map, or "ok". */
function verdict(type: number, rest: Partial<MapCreateAttributes>): string {
  const attributes = { type, keySize: 4, valueSize: 8, maxEntries: 10, flags: 0, ...rest };
  const result = checkMapCreate(attributes, layout);
  return result === 0 ? "ok" : Object.entries(Errno).find(([, number]) => number === -result)![0];
}

// What Linux 6.18 answered.
describe("checkMapCreate", () => {
  it.each([
    ["a hash", M.HASH, {}, "ok"],
    ["a hash without entries", M.HASH, { maxEntries: 0 }, "EINVAL"],
    ["a hash without keys", M.HASH, { keySize: 0 }, "EINVAL"],
    ["a hash with private LRU lists", M.HASH, { flags: F.NO_COMMON_LRU }, "EINVAL"],
    ["a hash that can be mapped", M.HASH, { flags: F.MMAPABLE }, "EINVAL"],
    ["a hash for no program", M.HASH, { flags: F.RDONLY_PROG | F.WRONLY_PROG }, "EINVAL"],
    ["the largest elements", M.HASH, { keySize: 4, valueSize: 4194251 }, "ok"],
    ["larger elements", M.HASH, { keySize: 4, valueSize: 4194252 }, "E2BIG"],
    ["a huge hash", M.HASH, { maxEntries: 0x8000_0000, flags: F.NO_PREALLOC }, "E2BIG"],
    ["a hash with map_extra", M.HASH, { mapExtra: 1n }, "EINVAL"],
    ["an array", M.ARRAY, {}, "ok"],
    ["an array with wide keys", M.ARRAY, { keySize: 8 }, "EINVAL"],
    ["an array that grows", M.ARRAY, { flags: F.NO_PREALLOC }, "EINVAL"],
    ["an array that can be mapped", M.ARRAY, { flags: F.MMAPABLE }, "ok"],
    ["an array of huge values", M.ARRAY, { valueSize: 0x8000_0000 }, "E2BIG"],
    ["a per-CPU array that can be mapped", M.PERCPU_ARRAY, { flags: F.MMAPABLE }, "EINVAL"],
    ["the largest per-CPU values", M.PERCPU_ARRAY, { valueSize: 32768 }, "ok"],
    ["larger per-CPU values", M.PERCPU_ARRAY, { valueSize: 32769 }, "E2BIG"],
    ["larger per-CPU hash values", M.PERCPU_HASH, { valueSize: 32769 }, "E2BIG"],
    ["an LRU hash that grows", M.LRU_HASH, { flags: F.NO_PREALLOC }, "ENOTSUPP"],
    ["a program array of words", M.PROG_ARRAY, { valueSize: 4 }, "ok"],
    ["a program array of longs", M.PROG_ARRAY, { valueSize: 8 }, "EINVAL"],
    ["a trie", M.LPM_TRIE, { keySize: 8, flags: F.NO_PREALLOC }, "ok"],
    ["a preallocated trie", M.LPM_TRIE, { keySize: 8 }, "EINVAL"],
    ["a ring buffer", M.RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 4096 }, "ok"],
    ["an odd ring buffer", M.RINGBUF, { keySize: 0, valueSize: 0, maxEntries: 12288 }, "EINVAL"],
    ["a filter", M.BLOOM_FILTER, { keySize: 0, mapExtra: 5n }, "ok"],
    ["a filter with too many hashes", M.BLOOM_FILTER, { keySize: 0, mapExtra: 16n }, "EINVAL"],
    ["no such type", 200, {}, "EINVAL"],
  ] as const)("%s", (_, type, rest, expected) => {
    expect(verdict(type, rest)).toBe(expected);
  });
});
