import type { Session } from "../../helpers/index.ts";
import { BpfProgType } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import { STEP } from "../symbols.ts";
import { EventCall, type LinkProbe } from "./event-call.ts";
import type { FireFacts, FireValue } from "./fire.ts";
import type { Firing } from "./firing.ts";
import type { FunctionProbe, FunctionSite } from "./functions.ts";
import { wordOf } from "./record.ts";
import { type RegisterFacts, registersOf } from "./registers.ts";
import { MOST_ARGUMENTS } from "./tracepoints.ts";

const WORD = 8;

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
  return withSessions(firing, site, (sessions) => {
    const call: Call = { firing, machine, site, args: facts.args ?? [], facts, sessions };
    const override = probesAtEntry(call);
    const result = override ?? trampoline(call, body);
    probesAtReturn(call, result);
    return result;
  });
}

/** The words of sessions while a function runs, by their probes. */
type Sessions = Map<FunctionProbe, number>;

const NO_SESSIONS: Sessions = new Map();

/** Lends a word to each session of a function (`fprobe.entry_data_size`). */
function withSessions<T>(
  { machine }: Firing<Machine>,
  site: FunctionSite,
  act: (sessions: Sessions) => T,
): T {
  const probes = site.probes.filter(({ session }) => session === true);
  if (probes.length === 0) return act(NO_SESSIONS);
  return machine.contexts.use(WORD * probes.length, (block) =>
    act(new Map(probes.map((probe, index) => [probe, block + WORD * index]))),
  );
}

interface Call {
  readonly firing: Firing<Machine>;
  readonly machine: Machine;
  readonly site: FunctionSite;
  readonly args: readonly FireValue[];
  readonly facts: FireFacts;
  readonly sessions: Sessions;
}

function resultOf({ result }: FireFacts): bigint {
  const value = typeof result === "function" ? result() : result;
  return value === undefined ? 0n : wordOf(value);
}

/** Probes in the function, the last that was registered first (`add_new_kprobe`). @returns what a program wants returned instead. */
function probesAtEntry({ firing, machine, site, args, facts, sessions }: Call): bigint | null {
  const start = machine.symbols.address(site.name);
  let override: bigint | null = null;
  for (const probe of site.probes.toReversed()) {
    if (probe.onReturn) continue;
    const ip = start + BigInt(probe.offset);
    // Programs of perf events find the place behind the byte that a breakpoint takes, also where there is none.
    const passed = probe.target instanceof EventCall ? ip + 1n : ip;
    const found: RegisterFacts = { ip: passed, user: false, args, ...registersOf(facts) };
    // Only probes at the entry are probes of the function (`bpf_get_func_ip_kprobe`).
    const cookie = sessions.get(probe);
    if (cookie === undefined)
      override = runProbe(firing, probe, found, probe.offset === 0 ? start : 0n) ?? override;
    // A session that gives anything but 0, or could not run, is over.
    else if (runSession(firing, probe, found, { ip: start, isReturn: false, cookie }) !== 0)
      sessions.delete(probe);
  }
  return override;
}

/**
 * Probes at the return, in the order in which they were registered: at the entry, where the last came first, each put its
 * address in front of those before (`rethook_hook`).
 */
function probesAtReturn({ firing, machine, site, facts, sessions }: Call, result: bigint): void {
  if (!site.probes.some(({ onReturn, session }) => onReturn || session === true)) return;
  const start = machine.symbols.address(site.name);
  // Where the call goes back to (`rethook_trampoline_handler`), as far as that is known.
  const ip = firing.chain(false).find((address) => address < start || address >= start + STEP) ?? start;
  for (const probe of site.probes) {
    const found: RegisterFacts = { ip, user: false, result, onReturn: true, ...registersOf(facts) };
    const cookie = sessions.get(probe);
    if (cookie !== undefined) runSession(firing, probe, found, { ip: start, isReturn: true, cookie });
    else if (probe.onReturn && probe.session !== true) runProbe(firing, probe, found, start);
  }
}

/** One of the two runs of a session. @returns r0; null where it could not run. */
function runSession(
  firing: Firing<Machine>,
  { target }: FunctionProbe,
  found: RegisterFacts,
  { ip, ...session }: Session & { readonly ip: bigint },
): number | null {
  if (target instanceof EventCall) return null;
  return firing.multi(target.link.program, found, { cookie: target.cookie, ip, session });
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
  // What nobody tells is 0: the result has its place behind all arguments that there are.
  const count = Math.min(machine.functions.argumentWords(site.name) ?? args.length, MOST_ARGUMENTS);
  const told = Array.from({ length: count }, (_, index) => args[index] ?? 0n);
  const header = [machine.symbols.address(site.name), BigInt(count)];
  // The result has its place behind the arguments.
  const words = [...header, ...told, 0n];
  return firing.withArguments(words, TRAMPOLINE_HEADER + MOST_ARGUMENTS + 1, (block) => {
    const context = block + 8 * TRAMPOLINE_HEADER;
    const resultAt = context + 8 * count;
    const run = ({ link, cookie }: LinkProbe, hasResult = false) =>
      firing.trampoline(link.program, context, { cookie, ip: header[0]!, hasResult });
    const result = () => machine.memory.view().getBigUint64(resultAt, true);
    const setResult = (value: bigint) => machine.memory.view().setBigUint64(resultAt, value, true);
    for (const probe of entry) run(probe);
    let replaced = false;
    for (const probe of modify) {
      // Hooks of LSM are told none (`bpf_lsm_func_proto`).
      const isHook = probe.link.program.parts.type === BpfProgType.LSM;
      setResult(BigInt.asUintN(64, BigInt(run(probe, !isHook))));
      // Something else than 0 is given in the function's place.
      replaced = result() !== 0n;
      if (replaced) break;
    }
    if (!replaced) setResult(body());
    for (const probe of exit) run(probe, true);
    return result();
  });
}
