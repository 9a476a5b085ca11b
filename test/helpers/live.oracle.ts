import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { type Insn, ProgramBuilder, r0, r1, r2, r3, r4, r5, r10, WideKind } from "../../src/isa/index.ts";
import { BpfCommands } from "../../src/sys/index.ts";
import { BpfFuncId, BpfMapFlag, BpfMapType, BpfProgType, Errno } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";
import { describeWith, liveKernel } from "../support/referee.ts";
import { HelperBench } from "./support.ts";

const { port, why } = await livePort();
const KEY = new Uint8Array(4);
const OUT = 128;

describeWith(
  [liveKernel("6.18"), { present: port !== null, why: why ?? "" }],
  "helpers as Linux has them",
  () => {
    const linux = new BpfCommands(port!);
    const bench = new HelperBench();
    const output = linux.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: OUT, maxEntries: 1 });
    afterAll(() => linux.close(output));

    /** r0 of a program that has run once, or the errno of its load. */
    const run = (insns: readonly Insn[]): number => {
      let fd: number;
      try {
        ({ fd } = linux.progLoad({ progType: BpfProgType.XDP, insns, license: "GPL", logLevel: 0 }));
      } catch (error) {
        return -(error as { errno: number }).errno;
      }
      try {
        return linux.progTestRun({ progFd: fd, dataIn: new Uint8Array(64) }).retval | 0;
      } finally {
        linux.close(fd);
      }
    };

    /** Stores bytes at the lowest place of the stack; gives how far below r10 they begin. */
    const onStack = (b: ProgramBuilder, bytes: Uint8Array, top: number): number => {
      const size = Math.ceil(bytes.length / 8) * 8;
      const words = new BigInt64Array(size / 8);
      new Uint8Array(words.buffer).set(bytes);
      for (const [i, word] of words.entries())
        b.ldImm64(r0, BigInt.asUintN(64, word)).stx("dw", r10, r0, 8 * i - size - top);
      return -size - top;
    };

    it("bpf_csum_diff", () => {
      const block = fc.oneof(
        fc.constant(new Uint8Array(0)),
        fc.nat(40).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
        fc.constant(new Uint8Array(16).fill(0xff)),
      );
      fc.assert(
        fc.property(
          block,
          block,
          fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.nat(0xffff_ffff)),
          (from, to, seed) => {
            const b = new ProgramBuilder();
            const fromAt = onStack(b, from, 0);
            const toAt = onStack(b, to, 64);
            b.mov64(r1, 0).mov64(r3, 0);
            if (from.length > 0) b.mov64(r1, r10).alu64("add", r1, fromAt);
            if (to.length > 0) b.mov64(r3, r10).alu64("add", r3, toAt);
            b.mov64(r2, from.length)
              .mov64(r4, to.length)
              .mov32(r5, seed | 0)
              .call(BpfFuncId.csum_diff)
              .exit();
            const ours = bench.invoke(
              BpfFuncId.csum_diff,
              bench.put(from),
              from.length,
              bench.put(to),
              to.length,
              seed,
            );
            expect(ours).toBe(run(b.insns()));
          },
        ),
        { numRuns: 500 },
      );
    });

    const conversion = fc
      .tuple(
        fc.constantFrom("%", "%", "%", "%0", "%-", "%+", "% ", "%-0", "%+0", "%#"),
        fc.constantFrom("", "", "3", "8", "12", "20", ".3"),
        fc.constantFrom(
          "d",
          "i",
          "u",
          "x",
          "X",
          "ld",
          "lu",
          "lx",
          "lX",
          "li",
          "lld",
          "llu",
          "llx",
          "c",
          "px",
          "s",
          "ps",
          "pS",
          "pB",
          "pI4",
          "pi4",
          "pI6",
          "pi6",
          "%",
          "h",
          "f",
          "o",
        ),
      )
      .map((parts) => parts.join(""));
    const text = fc.constantFrom("", " ", "a", "-", ", ", "%%", "é", "א", "\n");
    const format = fc
      .array(fc.tuple(text, conversion, text), { maxLength: 3 })
      .map((parts) => parts.flat().join(""));
    const values = fc.array(
      fc.oneof(
        fc.constantFrom(0n, 1n, -1n, 0x41n, 2n ** 31n, 2n ** 32n),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      ),
      { minLength: 3, maxLength: 3 },
    );

    it("bpf_snprintf: which formats there are, and what they print", () => {
      let printed = 0;
      fc.assert(
        fc.property(format, values, (template, given) => {
          // The verifier wants as many arguments as there are conversions.
          const count = Math.min(3, (template.replaceAll("%%", "").match(/%/g) ?? []).length);
          // Kernel memory and symbols differ: only addresses that are nothing in both.
          const args = given
            .slice(0, count)
            .map((value) => (/s|p[^x]/.test(template) ? value & 0xffffn : value));
          const data = new Uint8Array(new BigInt64Array(args).buffer);
          const bytes = utf8(`${template}\0`);
          const formats = linux.mapCreate({
            mapType: BpfMapType.ARRAY,
            keySize: 4,
            valueSize: bytes.length,
            maxEntries: 1,
            mapFlags: BpfMapFlag.RDONLY_PROG,
          });
          try {
            linux.mapUpdateElem({ mapFd: formats, key: KEY, value: bytes });
            linux.mapUpdateElem({ mapFd: output, key: KEY, value: new Uint8Array(OUT) });
            linux.mapFreeze({ mapFd: formats });
            const b = new ProgramBuilder();
            const at = onStack(b, data, 0);
            b.ldPseudo64(r1, WideKind.mapValue, output)
              .mov64(r2, OUT)
              .ldPseudo64(r3, WideKind.mapValue, formats);
            b.mov64(r4, 0);
            if (count > 0) b.mov64(r4, r10).alu64("add", r4, at);
            b.mov64(r5, data.length).call(BpfFuncId.snprintf).exit();
            const theirs = run(b.insns());
            const to = bench.put(new Uint8Array(OUT));
            const ours = bench.invoke(
              BpfFuncId.snprintf,
              to,
              OUT,
              bench.put(bytes),
              count === 0 ? 0 : bench.put(data),
              data.length,
            );
            expect(`${JSON.stringify(template)} ${ours}`).toBe(`${JSON.stringify(template)} ${theirs}`);
            if (ours < 0) expect(ours).toBe(-Errno.EINVAL);
            else printed++;
            const line = (from: Uint8Array) => new TextDecoder().decode(from);
            expect(line(bench.get(to, OUT))).toBe(line(linux.mapLookupElem({ mapFd: output, key: KEY })!));
          } finally {
            linux.close(formats);
          }
        }),
        { numRuns: 1000 },
      );
      expect(printed).toBeGreaterThan(100);
    });
  },
);
