import { describe, expect, it } from "vitest";
import { utf8 } from "../../src/base/index.ts";
import { KernelFeatures } from "../../src/loader/features.ts";
import { kconfigContents, kernelVersion } from "../../src/loader/kconfig.ts";
import type { ExternSpec } from "../../src/object/index.ts";
import { BpfCommands, type Port } from "../../src/sys/index.ts";

/** A kernel that has nothing but some files. */
const sysWith = (files: Readonly<Record<string, string>>) =>
  new BpfCommands({
    readFile: (path: string) => (files[path] === undefined ? -2 : utf8(files[path])),
    bpf: () => -22,
    memory: { lend: () => 1n, release: () => {} },
  } as unknown as Port);

const extern = (name: string, fields: Partial<ExternSpec> = {}): ExternSpec => ({
  name,
  kind: "kconfig",
  weak: false,
  typeId: 1,
  offset: 0,
  size: 4,
  valueKind: "int",
  signed: false,
  ...fields,
});

const contents = (
  externs: readonly ExternSpec[],
  kconfig: string,
  files: Readonly<Record<string, string>> = {},
) => {
  const sys = sysWith(files);
  return kconfigContents(externs, 16, sys, new KernelFeatures(sys), { kconfig });
};

describe("kconfigContents", () => {
  it("puts every sort of value into its place", () => {
    const externs = [
      extern("CONFIG_HZ"),
      extern("CONFIG_B", { offset: 4, size: 1, valueKind: "bool" }),
      extern("CONFIG_M", { offset: 5, size: 1, valueKind: "tristate" }),
      extern("CONFIG_C", { offset: 6, size: 1, valueKind: "char" }),
      extern("CONFIG_S", { offset: 8, size: 4, valueKind: "string" }),
      extern("CONFIG_X", { offset: 12, size: 2, signed: true }),
      extern("CONFIG_ABSENT", { offset: 14, size: 2, weak: true }),
    ];
    const text =
      '# CONFIG_N is not set\nCONFIG_HZ=1000\nCONFIG_B=y\nCONFIG_M=m\nCONFIG_C=n\nCONFIG_S="long"\nCONFIG_X=-2\n';
    const bytes = contents(externs, text);
    expect([...bytes]).toEqual([0xe8, 3, 0, 0, 1, 2, 110, 0, 108, 111, 110, 0, 0xfe, 0xff, 0, 0]);
  });

  it("asks the kernel's own configuration for what the given one lacks", () => {
    const files = {
      "/proc/sys/kernel/osrelease": "6.18.5\n",
      "/boot/config-6.18.5": "CONFIG_HZ=0x64\nCONFIG_A=1\n",
    };
    expect(contents([extern("CONFIG_HZ"), extern("CONFIG_A", { offset: 4 })], "CONFIG_A=7", files)[0]).toBe(
      0x64,
    );
    expect(contents([extern("CONFIG_HZ"), extern("CONFIG_A", { offset: 4 })], "CONFIG_A=7", files)[4]).toBe(
      7,
    );
  });

  it.each<[Partial<ExternSpec>, string, string]>([
    [{}, "", "extern CONFIG_A: the kernel's configuration does not have it"],
    [{ valueKind: "bool", size: 1 }, "CONFIG_A=m", "extern CONFIG_A: expected a bool, got m"],
    [{ size: 1, valueKind: "char" }, "CONFIG_A=256", "extern CONFIG_A: expected a number of 8 bits, got 256"],
    [{ signed: true, size: 2 }, "CONFIG_A=32768", "extern CONFIG_A: expected a number of 16 bits, got 32768"],
    [{}, 'CONFIG_A="x"', 'extern CONFIG_A: expected a int, got "x"'],
    [{ valueKind: "string" }, "CONFIG_A=5", "extern CONFIG_A: expected a string, got 5"],
    [{}, "CONFIG_A=five", "extern CONFIG_A: expected a number, got five"],
  ])("refuses %j of %s", (fields, text, message) => {
    expect(() => contents([extern("CONFIG_A", fields)], text)).toThrow(message);
  });

  it("knows LINUX_KERNEL_VERSION, and no other LINUX_… that is not weak", () => {
    const files = { "/proc/sys/kernel/osrelease": "5.4.300-x\n" };
    expect([...contents([extern("LINUX_KERNEL_VERSION")], "", files).subarray(0, 4)]).toEqual([255, 4, 5, 0]);
    expect(contents([extern("LINUX_FUTURE", { weak: true })], "")[0]).toBe(0);
    expect(() => contents([extern("LINUX_FUTURE")], "")).toThrow("extern LINUX_FUTURE: expected CONFIG_…");
  });
});

describe("kernelVersion", () => {
  it("is that of the kernel inside a distribution's", () => {
    const osrelease = { "/proc/sys/kernel/osrelease": "6.1.0-18-amd64" };
    expect(kernelVersion(sysWith(osrelease))).toBe((6 << 16) + (1 << 8));
    expect(
      kernelVersion(sysWith({ ...osrelease, "/proc/sys/kernel/version": "#1 SMP Debian 6.1.76-1 (2024)" })),
    ).toBe((6 << 16) + (1 << 8) + 76);
    expect(() => kernelVersion(sysWith({}))).toThrow("the kernel does not say its version");
  });
});
