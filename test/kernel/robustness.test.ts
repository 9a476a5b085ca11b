import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EmbeddedKernel } from "../../src/kernel/index.ts";
import { encodeAttr } from "../../src/sys/index.ts";
import { type BpfAttrCommand, BpfCmd, bpfAttr } from "../../src/uapi/index.ts";
import { createHash, loadText } from "./support.ts";

const COMMANDS = Object.keys(bpfAttr) as BpfAttrCommand[];

/** A kernel in use: maps, a program, a pin, so that numbers hit something. */
function inUse() {
  // What loops for ever is stopped soon.
  const kernel = new EmbeddedKernel({ cpus: 2, maximumMemory: 64 << 20, budget: 1_000_000 });
  for (const mapType of [1, 2, 5, 6, 3]) {
    const size = mapType === 3 ? 4 : 8;
    createHash(kernel, { mapType, valueSize: size });
  }
  loadText(kernel, "xdp", "r0 = 1\nexit");
  loadText(kernel, "sched_cls", "r0 = 1\nexit");
  kernel.objPin({ pathname: "/sys/fs/bpf/a", bpfFd: 3 });
  return kernel;
}

describe("any attribute is answered, by a number", () => {
  it("bytes of any kind", () => {
    const kernel = inUse();
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 45 }), fc.uint8Array({ maxLength: 200 }), (command, attr) => {
        const result = kernel.port.bpf(command, attr, attr.length);
        expect(Number.isInteger(result)).toBe(true);
        if (result > 2) kernel.port.close(result);
      }),
      { numRuns: 20_000 },
    );
  });

  it("fields of every command, each small, large or a good address", () => {
    const kernel = inUse();
    const numbers = fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom(4096, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 20),
    );
    const buffer = fc.uint8Array({ minLength: 1, maxLength: 128 });
    fc.assert(
      fc.property(
        fc.constantFrom(...COMMANDS),
        fc.array(fc.oneof(numbers, buffer), { minLength: 20, maxLength: 40 }),
        (command, values) => {
          const lent: bigint[] = [];
          const fields: Record<string, number | bigint> = {};
          for (const [i, { camel, kind, size }] of bpfAttr[command].fields.entries()) {
            const value = values[i % values.length]!;
            if (typeof value === "number") fields[camel] = value;
            else if (kind === "ptr" || size === 8) {
              const address = kernel.port.memory.lend(value);
              lent.push(address);
              fields[camel] = address;
            } else fields[camel] = value[0]! & 7;
          }
          // A test run as often as that would take its time.
          if (command === "PROG_TEST_RUN" && Number(fields["repeat"]) > 100) fields["repeat"] = 2;
          const attr = encodeAttr(command, fields as never);
          const result = kernel.port.bpf(BpfCmd[command], attr, attr.length);
          for (const address of lent) kernel.port.memory.release(address);
          expect(Number.isInteger(result)).toBe(true);
          if (result > 12) kernel.port.close(result);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it("sizes that are none", () => {
    const kernel = new EmbeddedKernel();
    for (const size of [-1, 0, 1.5, 4096, 4097, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(kernel.port.bpf(BpfCmd.MAP_CREATE, new Uint8Array(8), size)).toBeLessThan(0);
    }
    expect(kernel.port.bpf(Number.NaN, new Uint8Array(8), 8)).toBe(-22);
  });

  it("programs of any bytes", () => {
    const kernel = inUse();
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 8, maxLength: 160 }),
        fc.constantFrom("xdp", "sched_cls", "socket_filter"),
        (bytes, type) => {
          const code = bytes.subarray(0, bytes.length & -8);
          let fd = -1;
          try {
            fd = loadText(kernel, type, "exit", { insns: code });
          } catch (error) {
            expect(error).toHaveProperty("errno");
            return;
          }
          try {
            kernel.progTestRun({ progFd: fd, dataIn: new Uint8Array(64) });
          } catch (error) {
            expect(error).toHaveProperty("errno");
          }
          kernel.close(fd);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
