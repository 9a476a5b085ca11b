import { cString, TsbpfError, textOf } from "../base/index.ts";
import type { ExternSpec } from "../object/index.ts";
import type { BpfCommands } from "../sys/index.ts";
import type { KernelFeatures } from "./features.ts";
import { hasKallsym } from "./kallsyms.ts";

export interface KconfigOptions {
  /** Lines of a kernel configuration (`CONFIG_HZ=250`) that stand before the kernel's own. */
  readonly kconfig?: string;
  /** Unpacks `/proc/config.gz`; without it only `/boot/config-RELEASE` is read. */
  readonly gunzip?: (bytes: Uint8Array) => Uint8Array;
}

/**
 * The contents of the `.kconfig` map: what the object's externs are on this kernel (`bpf_object__resolve_externs`).
 * TsbpfError for a strong one that the configuration lacks, and for a value that the extern's type cannot hold.
 */
export function kconfigContents(
  externs: readonly ExternSpec[],
  size: number,
  sys: BpfCommands,
  features: KernelFeatures,
  options: KconfigOptions,
): Uint8Array {
  const contents = new Uint8Array(size);
  const wanted = externs.filter((extern) => extern.kind === "kconfig");
  const missing = new Map<string, ExternSpec>();
  for (const extern of wanted) {
    if (extern.name.startsWith("CONFIG_")) missing.set(extern.name, extern);
    else writeNumber(contents, extern, virtualValue(extern, sys, features));
  }
  if (missing.size > 0 && options.kconfig !== undefined) applyConfig(options.kconfig, missing, contents);
  if (missing.size > 0) applyConfig(kernelConfig(sys, options), missing, contents);
  for (const extern of missing.values()) {
    if (!extern.weak)
      throw new TsbpfError(`extern ${extern.name}: the kernel's configuration does not have it`);
  }
  return contents;
}

/** Externs that are no configuration, but what a loader knows of the kernel. */
function virtualValue(extern: ExternSpec, sys: BpfCommands, features: KernelFeatures): bigint {
  switch (extern.name) {
    case "LINUX_KERNEL_VERSION":
      return BigInt(kernelVersion(sys));
    case "LINUX_HAS_BPF_COOKIE":
      return features.has("cookie") ? 1n : 0n;
    case "LINUX_HAS_SYSCALL_WRAPPER":
      return hasKallsym(sys, /^__(x64|arm64|s390x|riscv)_sys_bpf$/) ? 1n : 0n;
  }
  if (extern.name.startsWith("LINUX_") && extern.weak) return 0n;
  throw new TsbpfError(`extern ${extern.name}: expected CONFIG_… or a LINUX_… that loaders know`);
}

/** `KERNEL_VERSION(a, b, c)` of the running kernel, as BPF programs compare with it (`get_kernel_version`). */
export function kernelVersion(sys: BpfCommands): number {
  // Ubuntu and Debian number their releases differently from the kernel inside.
  const texts: readonly [path: string, pattern: RegExp][] = [
    ["/proc/version_signature", /^\S+ \S+ (\d+)\.(\d+)\.(\d+)/],
    ["/proc/sys/kernel/version", / Debian (\d+)\.(\d+)\.(\d+)/],
    ["/proc/sys/kernel/osrelease", /^(\d+)\.(\d+)\.(\d+)/],
  ];
  for (const [path, pattern] of texts) {
    const file = sys.port.readFile(path);
    const match = typeof file === "number" ? null : pattern.exec(cString(file));
    if (match === null) continue;
    const [major, minor, patch] = match.slice(1).map(Number) as [number, number, number];
    return (major << 16) + (minor << 8) + Math.min(patch, 255);
  }
  throw new TsbpfError("the kernel does not say its version (/proc/sys/kernel/osrelease)");
}

function kernelConfig(sys: BpfCommands, options: KconfigOptions): string {
  const release = sys.port.readFile("/proc/sys/kernel/osrelease");
  if (typeof release !== "number") {
    const file = sys.port.readFile(`/boot/config-${cString(release).trim()}`);
    if (typeof file !== "number") return textOf(file);
  }
  const packed = sys.port.readFile("/proc/config.gz");
  if (typeof packed === "number" || options.gunzip === undefined) return "";
  return textOf(options.gunzip(packed));
}

/** Takes from the lines of a configuration what is wanted; what was found is no longer missing. */
function applyConfig(text: string, missing: Map<string, ExternSpec>, contents: Uint8Array): void {
  for (const line of text.split("\n")) {
    if (!line.startsWith("CONFIG_")) continue;
    const equals = line.indexOf("=");
    const extern = equals < 0 ? undefined : missing.get(line.slice(0, equals));
    if (extern === undefined) continue;
    writeConfig(contents, extern, line.slice(equals + 1).trimEnd());
    missing.delete(extern.name);
  }
}

function writeConfig(contents: Uint8Array, extern: ExternSpec, value: string): void {
  const fail = (problem: string) => new TsbpfError(`extern ${extern.name}: ${problem}`);
  if (value === "y" || value === "n" || value === "m") {
    if (extern.valueKind === "char") writeInteger(contents, extern, BigInt(value.charCodeAt(0)));
    else if (extern.valueKind === "tristate")
      writeInteger(contents, extern, value === "y" ? 1n : value === "m" ? 2n : 0n);
    else if (extern.valueKind === "bool" && value !== "m")
      writeInteger(contents, extern, value === "y" ? 1n : 0n);
    else throw fail(`expected a ${extern.valueKind}, got ${value}`);
    return;
  }
  if (value.startsWith('"')) {
    if (extern.valueKind !== "string" || value.length < 2 || !value.endsWith('"')) {
      throw fail(`expected a ${extern.valueKind}, got ${value}`);
    }
    const text = new TextEncoder().encode(value.slice(1, -1)).subarray(0, extern.size - 1);
    contents.set(text, extern.offset);
    return;
  }
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(value)) throw fail(`expected a number, got ${value}`);
  const number = value.startsWith("-") ? -BigInt(value.slice(1)) : BigInt(value);
  writeNumber(contents, extern, number);
}

/** `set_kcfg_value_num` */
function writeNumber(contents: Uint8Array, extern: ExternSpec, value: bigint): void {
  const fail = (problem: string) => new TsbpfError(`extern ${extern.name}: ${problem}`);
  const { valueKind } = extern;
  if (valueKind !== "int" && valueKind !== "char" && valueKind !== "bool") {
    throw fail(`expected a ${valueKind}, got ${value}`);
  }
  if (valueKind === "bool" && value !== 0n && value !== 1n) throw fail(`expected 0 or 1, got ${value}`);
  const bits = BigInt(extern.size * 8);
  const [low, high] = extern.signed ? [-(1n << (bits - 1n)), 1n << (bits - 1n)] : [0n, 1n << bits];
  if (extern.size !== 8 && (value < low || value >= high))
    throw fail(`expected a number of ${bits} bits, got ${value}`);
  writeInteger(contents, extern, value);
}

function writeInteger(contents: Uint8Array, { offset, size }: ExternSpec, value: bigint): void {
  for (let i = 0; i < size; i++) contents[offset + i] = Number(BigInt.asUintN(8, value >> BigInt(8 * i)));
}
