import type { TraceEvent } from "../../platform/index.ts";
import { BpfProgType } from "../../uapi/index.ts";
import type { KernelProgram } from "../objects/program.ts";
import { type RunFrame, runFrame } from "../run-frame.ts";
import type { KernelTask } from "../tasks/task.ts";
import { CONTEXT_SIZE } from "./context-blocks.ts";
import type { EventCall, LinkProbe } from "./event-call.ts";
import type { EventMachine, EventPlace } from "./event-machine.ts";
import type { FireFacts, FirePlace, FireValue } from "./fire.ts";
import { traceRecord, wordOf } from "./record.ts";
import { fillRegisters, type RegisterFacts, registersOf } from "./registers.ts";
import { MOST_ARGUMENTS, SYSTEM_CALLS, type Tracepoint } from "./tracepoints.ts";

/** One event while it is being fired: where it happens, and how often programs ran for it. */
export class Firing<M extends EventMachine = EventMachine> implements EventPlace {
  readonly machine: M;
  readonly cpu: number;
  readonly task: KernelTask;
  runs = 0;
  readonly #stack: FirePlace["stack"];

  constructor(machine: M, { cpu, task, stack }: FirePlace) {
    this.machine = machine;
    this.cpu = cpu ?? 0;
    if (!(this.cpu >= 0 && this.cpu < machine.cpus))
      throw new RangeError(`fire: expected a CPU below ${machine.cpus}, got ${cpu}`);
    this.task = task ?? machine.currentOn(this.cpu);
    this.#stack = stack;
  }

  /** Runs something where the event happens. */
  there<T>(act: () => T): T {
    return this.machine.onCpu(this.cpu, () => this.machine.asTask(this.task, act));
  }

  // --- tracepoints ----------------------------------------------------------------------------------------------

  /**
   * Passes a tracepoint: its probes in the order in which they were registered.
   *
   * @param systemCall what happens for the trace events of the system call that passes it.
   */
  tracepoint(
    point: Tracepoint,
    event: TraceEvent | undefined,
    facts: FireFacts,
    systemCall: () => void = () => undefined,
  ): void {
    for (const probe of point.probes) {
      if (probe === SYSTEM_CALLS) systemCall();
      else if ("link" in probe) this.#raw(point, probe, facts.args ?? []);
      else if (event !== undefined) this.traceEvent(event, probe, facts);
    }
  }

  /** `__bpf_trace_run`: the context is the array of arguments. */
  #raw(point: Tracepoint, { link, cookie }: LinkProbe, args: readonly FireValue[]): void {
    const { program } = link;
    this.#guardedByProgram(program, () =>
      this.withArguments(args.slice(0, point.args), MOST_ARGUMENTS, (context) =>
        this.run(program, context, this.frame({ cookie })),
      ),
    );
  }

  /** `perf_trace_run_bpf_submit`: programs, and where they agree, the perf events of this CPU and task. */
  traceEvent(event: TraceEvent, call: EventCall, facts: FireFacts): void {
    this.machine.activity.record(this.cpu, () => this.#traceEvent(event, call, facts));
  }

  #traceEvent(event: TraceEvent, call: EventCall, facts: FireFacts): void {
    const record = traceRecord(event, this.task.pid, facts.fields ?? {});
    this.#withRegisters({ ip: 0n, user: false, ...registersOf(facts) }, (regs) =>
      this.machine.contexts.use(CONTEXT_SIZE, (context) => {
        const { memory } = this.machine;
        memory.bytes().set(record, context);
        // What programs may not read: the pointer that helpers find the registers by.
        memory.view().setBigUint64(context, wordOf({ offset: regs }), true);
        if (!this.attached(call, context, { regs }).agreed) return;
        this.machine.perf.count(call, this, 1n, { raw: record });
      }),
    );
  }

  // --- functions ------------------------------------------------------------------------------------------------

  /** The programs and perf events of a probe. @returns what a program wants the function to return instead. */
  probe(call: EventCall, facts: RegisterFacts, address = facts.ip): bigint | null {
    return this.#withRegisters(facts, (regs) => {
      const { agreed, override } = this.attached(call, regs, { ip: address, regs });
      if (agreed) this.machine.perf.count(call, this, 1n, { ip: facts.ip, user: facts.user });
      return override;
    });
  }

  /**
   * `trace_call_bpf`: the programs of an event. Its perf events are not told where there are programs and one of them
   * gave 0.
   */
  attached(call: EventCall, context: number, parts: Partial<RunFrame>): Outcome {
    const { attachments } = call;
    let agreed = true;
    let override: bigint | null = null;
    const runAll = () => {
      for (const { program, cookie } of attachments) {
        const frame = this.frame({ ...parts, cookie });
        agreed = (this.run(program, context, frame) & 1) !== 0 && agreed;
        override = frame.override ?? override;
      }
    };
    if (attachments.length === 0 || this.machine.activity.enter(this.cpu, runAll))
      return { agreed, override };
    for (const { program } of attachments) program.misses++;
    return { agreed: false, override: null };
  }

  /** A program of its own at a probe (`kprobe_multi_link_prog_run`). @returns r0; null where it could not run. */
  multi(program: KernelProgram, facts: RegisterFacts, parts: Partial<RunFrame>): number | null {
    const missed = program.misses;
    const result = this.#withRegisters(facts, (regs) =>
      this.runAlone(program, regs, this.frame({ ...parts, regs })),
    );
    return program.misses === missed ? result : null;
  }

  /** A program of a trampoline, unless it runs on this CPU already (`__bpf_prog_enter_recur`). @returns r0. */
  trampoline(program: KernelProgram, context: number, parts: Partial<RunFrame>): number {
    const act = () => this.run(program, context, this.frame(parts));
    // Hooks of LSM decide: they may not be left out.
    return program.parts.type === BpfProgType.LSM ? act() : this.#guardedByProgram(program, act);
  }

  /** Runs a program for this event. @returns the low half of r0; 0 where it ended with a fault. */
  run(program: KernelProgram, context: number, frame: RunFrame): number {
    this.runs++;
    return this.machine.runForEvent(program, context, frame);
  }

  /** As {@link run}, unless a program of an event runs on this CPU already: then it misses this one, and 0 stands for r0. */
  runAlone(program: KernelProgram, context: number, frame: RunFrame): number {
    let result = 0;
    const entered = this.machine.activity.enter(this.cpu, () => {
      result = this.run(program, context, frame);
    });
    if (!entered) program.misses++;
    return result;
  }

  /** What a run for this event is part of. */
  frame(parts: Partial<RunFrame>): RunFrame {
    return runFrame({ ...parts, chain: this.chain });
  }

  /** Addresses of functions that led to the event. */
  readonly chain = (user: boolean): readonly bigint[] =>
    (user ? this.#stack?.user : this.#stack?.kernel) ?? [];

  /** Lends memory with an array of words to programs. */
  withArguments<T>(args: readonly FireValue[], room: number, act: (context: number) => T): T {
    const { contexts, memory } = this.machine;
    return contexts.use(8 * room, (context) => {
      for (const [index, value] of args.entries())
        memory.view().setBigUint64(context + 8 * index, wordOf(value), true);
      return act(context);
    });
  }

  /** A program runs at most once at a time on each CPU. */
  #guardedByProgram(program: KernelProgram, act: () => number): number {
    if (program.activeOn.has(this.cpu)) {
      program.misses++;
      return 0;
    }
    program.activeOn.add(this.cpu);
    try {
      return act();
    } finally {
      program.activeOn.delete(this.cpu);
    }
  }

  #withRegisters<T>(facts: RegisterFacts, act: (regs: number) => T): T {
    const { contexts, layout } = this.machine;
    return contexts.use(layout.sizeOf("pt_regs"), (regs) => {
      fillRegisters(this.machine, regs, facts);
      return act(regs);
    });
  }
}

/** What programs at an event want of it. */
export interface Outcome {
  /** All gave an odd number. */
  readonly agreed: boolean;
  /** What the function is to return instead of running; null: it runs. */
  readonly override: bigint | null;
}
