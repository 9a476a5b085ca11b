import { readFileSync } from "node:fs";
import { Btf } from "../../../../src/btf/index.ts";
import { linuxTypes } from "../../case-program.ts";
import { Twins } from "../../twins.ts";
import { compareContexts } from "./contexts.ts";
import { compareOrders } from "./orders.ts";
import { comparePackets, compareXdp } from "./packets.ts";
import { compareAttaching, compareOpenings, compareTracing } from "./refusals.ts";
import { Workbench } from "./workbench.ts";

/** What was compared, and what differs. */
export interface Comparison {
  readonly release: string;
  /** Calls by section. */
  readonly calls: Readonly<Record<string, number>>;
  readonly differences: Readonly<Record<string, readonly string[]>>;
}

type Section = (bench: Workbench) => void | Promise<void>;

const SECTIONS = {
  openings: compareOpenings,
  attaching: compareAttaching,
  tracing: compareTracing,
  contexts: compareContexts,
  orders: compareOrders,
  packets: comparePackets,
  xdp: compareXdp,
} as const;

/** Programs at functions of the embedded kernel and of the one that runs, which must have kprobes and fentry. */
export async function compareProbes(): Promise<Comparison> {
  const { btf } = linuxTypes();
  const twins = await Twins.meet({ btf });
  const types = {
    embedded: btf,
    linux: Btf.parse(new Uint8Array(readFileSync("/sys/kernel/btf/vmlinux")), { what: "vmlinux" }),
  };
  const calls: Record<string, number> = {};
  const differences: Record<string, readonly string[]> = {};
  try {
    const bench = new Workbench(twins, types, await systemCalls());
    for (const [name, compare] of Object.entries<Section>(SECTIONS)) {
      const before = twins.calls;
      try {
        await compare(bench);
      } catch (error) {
        twins.differences.push(String(error instanceof Error ? error.stack : error));
      } finally {
        bench.closeAll();
      }
      calls[name] = twins.calls - before;
      differences[name] = [...new Set(twins.differences.splice(0))];
    }
  } finally {
    twins[Symbol.dispose]();
  }
  return { release: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(), calls, differences };
}

/** System calls by number; negative errno values as the kernel gives them. */
async function systemCalls() {
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const long = "int64";
  const call = koffi.load(null).func("syscall", long, [long, long, long, long, long, long, long]);
  return (number: number, ...args: readonly (number | bigint)[]): number => {
    const result = Number(call(number, ...Array.from({ length: 6 }, (_, index) => args[index] ?? 0)));
    return result < 0 ? -koffi.errno() : result;
  };
}

interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => number | bigint;
  };
  errno(): number;
}
