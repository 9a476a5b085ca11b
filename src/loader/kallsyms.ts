import { TsbpfError, textOf } from "../base/index.ts";
import type { BpfCommands } from "../sys/index.ts";

const KALLSYMS = "/proc/kallsyms";

interface Kallsym {
  readonly address: bigint;
  /** `t`, `D` …: as nm prints it. */
  readonly type: string;
  readonly name: string;
}

function* kallsyms(sys: BpfCommands): Generator<Kallsym> {
  const file = sys.port.readFile(KALLSYMS);
  if (typeof file === "number") throw new TsbpfError(`${KALLSYMS} cannot be read`);
  for (const [, address, type, name] of textOf(file).matchAll(/^([0-9a-f]+) (\S) (\S+)/gm)) {
    yield { address: BigInt(`0x${address}`), type: type!, name: name! };
  }
}

/** Whether the kernel has a symbol of such a name; false where its symbols cannot be read. */
export function hasKallsym(sys: BpfCommands, pattern: RegExp): boolean {
  if (typeof sys.port.readFile(KALLSYMS) === "number") return false;
  for (const { name } of kallsyms(sys)) if (pattern.test(name)) return true;
  return false;
}

/**
 * Addresses of the named symbols of the kernel; names that LLVM made unique (`name.llvm.123`) count as theirs.
 * TsbpfError where a name has two addresses, and where the symbols cannot be read.
 */
export function kernelAddresses(sys: BpfCommands, names: ReadonlySet<string>): Map<string, bigint> {
  const found = new Map<string, bigint>();
  for (const { address, type, name: full } of kallsyms(sys)) {
    const suffix = type === "d" ? full.indexOf(".llvm.") : -1;
    const name = suffix < 0 ? full : full.slice(0, suffix);
    if (!names.has(name)) continue;
    const known = found.get(name);
    if (known !== undefined && known !== address) {
      throw new TsbpfError(
        `extern ${name}: expected one symbol of the kernel, got 0x${known.toString(16)} and 0x${address.toString(16)}`,
      );
    }
    found.set(name, address);
  }
  return found;
}
