import type { Machine } from "../machine.ts";
import { EventCall, type LinkProbe } from "./event-call.ts";
import type { FireFacts, FireValue } from "./fire.ts";
import type { Firing } from "./firing.ts";
import type { FunctionProbe, FunctionSite } from "./functions.ts";
import { wordOf } from "./record.ts";
import { type RegisterFacts, registersOf } from "./registers.ts";
import { MOST_ARGUMENTS } from "./tracepoints.ts";

/** In front of a trampoline's arguments: the function's address and how many arguments it has. */
const TRAMPOLINE_HEADER = 2;

/**
 * A call of a function, as far as programs see it: kprobes (through ftrace, before all else), fentry, fmod_ret, the
 * function itself, fexit, kretprobes. @returns what the caller gets.
 */
export function fireFunction(firing: Firing<Machine>, name: string, facts: FireFacts): bigint {
  const { machine } = firing;
  const site = machine.functions.find(name);
  const body = () => resultOf(facts);
  if (site === undefined) return body();
  const call: Call = { firing, machine, site, args: facts.args ?? [], facts };
  const override = probesAtEntry(call);
  const result = override ?? trampoline(call, body);
  probesAtReturn(call, result);
  return result;
}

interface Call {
  readonly firing: Firing<Machine>;
  readonly machine: Machine;
  readonly site: FunctionSite;
  readonly args: readonly FireValue[];
  readonly facts: FireFacts;
}

function resultOf({ result }: FireFacts): bigint {
  const value = typeof result === "function" ? result() : result;
  return value === undefined ? 0n : wordOf(value);
}

/** Probes in the function, in the order in which they were registered. @returns what a program wants returned instead. */
function probesAtEntry({ firing, machine, site, args, facts }: Call): bigint | null {
  const start = machine.symbols.address(site.name);
  let override: bigint | null = null;
  for (const probe of site.probes) {
    if (probe.onReturn) continue;
    const ip = start + BigInt(probe.offset);
    const found: RegisterFacts = { ip, user: false, args, ...registersOf(facts) };
    // Only probes at the entry are probes of the function (`bpf_get_func_ip_kprobe`).
    override = runProbe(firing, probe, found, probe.offset === 0 ? start : 0n) ?? override;
  }
  return override;
}

/** Probes at the return, the last that was registered first: each put its address in front of those before (`rethook`). */
function probesAtReturn({ firing, machine, site, facts }: Call, result: bigint): void {
  const start = machine.symbols.address(site.name);
  for (const probe of site.probes.toReversed()) {
    if (!probe.onReturn) continue;
    runProbe(firing, probe, { ip: start, user: false, result, ...registersOf(facts) }, start);
  }
}

/** Runs what is attached to a probe. @returns what a program wants the function to return instead. */
export function runProbe(
  firing: Firing<Machine>,
  { target }: Pick<FunctionProbe, "target">,
  found: RegisterFacts,
  address: bigint,
): bigint | null {
  if (target instanceof EventCall) return firing.probe(target, found, address);
  firing.multi(target.link.program, found, { cookie: target.cookie, ip: address });
  return null;
}

/** `arch_prepare_bpf_trampoline`: the programs around a function. @returns what the function, or a program in its place, gives. */
function trampoline({ firing, machine, site, args }: Call, body: () => bigint): bigint {
  const { entry, modify, exit } = site.trampoline;
  if (entry.length + modify.length + exit.length === 0) return body();
  const count = Math.min(args.length, MOST_ARGUMENTS);
  const header = [machine.symbols.address(site.name), BigInt(count)];
  // The result has its place behind the arguments.
  const words = [...header, ...args.slice(0, count), 0n];
  return firing.withArguments(words, TRAMPOLINE_HEADER + MOST_ARGUMENTS + 1, (block) => {
    const context = block + 8 * TRAMPOLINE_HEADER;
    const resultAt = context + 8 * count;
    const run = ({ link, cookie }: LinkProbe) =>
      firing.trampoline(link.program, context, { cookie, ip: header[0]! });
    const result = () => machine.memory.view().getBigUint64(resultAt, true);
    const setResult = (value: bigint) => machine.memory.view().setBigUint64(resultAt, value, true);
    for (const probe of entry) run(probe);
    let replaced = false;
    for (const probe of modify) {
      setResult(BigInt.asUintN(64, BigInt(run(probe))));
      // Something else than 0 is given in the function's place.
      replaced = result() !== 0n;
      if (replaced) break;
    }
    if (!replaced) setResult(body());
    for (const probe of exit) run(probe);
    return result();
  });
}
