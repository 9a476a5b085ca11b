import type { Machine } from "../machine.ts";
import { HARDWARE_COUNTERS, SOFTWARE_COUNTERS } from "../perf/counters.ts";
import type { FireFacts, FirePlace, FireResult } from "./fire.ts";
import { fireFunction, runProbe } from "./fire-function.ts";
import { Firing } from "./firing.ts";
import { type ProbeName, parseProbe } from "./probe-name.ts";
import { registersOf } from "./registers.ts";

/**
 * Fires an event: runs what is attached to it, as and where it happens.
 *
 * @throws RangeError for an event that this kernel does not have.
 */
export function fireEvent(machine: Machine, probe: string, facts: FireFacts, place: FirePlace): FireResult {
  const name = parseProbe(probe);
  const firing = new Firing(machine, place);
  const result = firing.there(() => fire(firing, name, facts));
  return { runs: firing.runs, result };
}

function fire(firing: Firing<Machine>, probe: ProbeName, facts: FireFacts): bigint {
  const { machine } = firing;
  switch (probe.kind) {
    case "tracepoint":
      fireTraceEvent(firing, probe, facts);
      return 0n;
    case "rawtracepoint": {
      const point = machine.tracepoints.find(probe.name) ?? missing(`a tracepoint ${probe.name}`);
      firing.tracepoint(point, undefined, facts);
      return 0n;
    }
    case "function":
      if (!machine.functions.has(probe.name)) missing(`a function ${probe.name}`);
      return fireFunction(firing, probe.name, facts);
    case "uprobe":
    case "uretprobe":
      fireUserProbe(firing, probe, facts);
      return 0n;
    case "software":
    case "hardware": {
      const counters = probe.kind === "software" ? SOFTWARE_COUNTERS : HARDWARE_COUNTERS;
      const config = counters.get(probe.name) ?? missing(`a ${probe.kind} event ${probe.name}`);
      const sample = facts.address === undefined ? {} : { address: facts.address };
      machine.perf.countMatching(probe.kind, config, firing, BigInt(facts.count ?? 1), {
        ...sample,
        ...registersOf(facts),
      });
      return 0n;
    }
  }
}

function fireTraceEvent(
  firing: Firing<Machine>,
  { category, name }: Extract<ProbeName, { kind: "tracepoint" }>,
  facts: FireFacts,
): void {
  const { tracepoints } = firing.machine;
  const event = tracepoints.events.find(category, name) ?? missing(`a trace event ${category}:${name}`);
  const point = event.syscall === null ? tracepoints.find(name) : null;
  if (point !== null) firing.tracepoint(point, event, facts);
  // Those of system calls hang on sys_enter and sys_exit.
  else if (tracepoints.call(event).users > 0) firing.traceEvent(event, tracepoints.call(event), facts);
}

function fireUserProbe(
  firing: Firing<Machine>,
  { kind, path, offset }: Extract<ProbeName, { kind: "uprobe" | "uretprobe" }>,
  facts: FireFacts,
): void {
  const onReturn = kind === "uretprobe";
  const probes = firing.machine.userProbes.at(path, offset);
  const { result } = facts;
  const value = typeof result === "function" ? result() : result;
  // The last that was registered first, at entries and at returns (`consumer_add`).
  for (const probe of probes.toReversed()) {
    if (probe.onReturn !== onReturn || !probe.watches(firing.task)) continue;
    const found = {
      ip: offset,
      user: true,
      ...(onReturn ? {} : { args: facts.args ?? [] }),
      ...(value === undefined ? {} : { result: value }),
      ...registersOf(facts),
    };
    runProbe(firing, probe, found, offset);
  }
}

function missing(what: string): never {
  throw new RangeError(`fire: expected an event of this kernel, got ${what}`);
}
