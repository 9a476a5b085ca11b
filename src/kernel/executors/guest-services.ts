import type { CurrentRun, CurrentTask, HelperServices, TaskCgroup } from "../../helpers/index.ts";
import { randomSource } from "../random.ts";
import type { ExecutorBoot, ExecutorJob, JobOutcome, PortableTask, TraceLine } from "./messages.ts";

/** Bytes of trace lines that wait for the kernel's thread; what comes later is lost, and counted. */
const TRACE_ROOM = 1 << 20;

/**
 * What helpers ask of a kernel that is on another thread: what is the same for a whole run, or can be told afterwards.
 * All else is absent, and programs that need it do not come here.
 */
export class GuestServices implements HelperServices {
  readonly random: () => number;
  readonly #clockOffset: number;
  readonly #flowKey: readonly [number, number, number, number];
  readonly #cpu: () => number;
  #task: CurrentTask | undefined;
  #devices: readonly number[] = [];
  #frame: CurrentRun = newFrame();
  #lines: TraceLine[] = [];
  #room = TRACE_ROOM;
  /** By CPU. */
  #lost = new Map<number, number>();

  constructor({ seed, flowKey, timeOrigin }: ExecutorBoot, cpu: () => number) {
    this.random = randomSource(seed);
    this.#flowKey = flowKey;
    this.#clockOffset = performance.timeOrigin - timeOrigin;
    this.#cpu = cpu;
  }

  begin({ task, devices }: ExecutorJob): void {
    this.#task = taskOf(task);
    this.#devices = devices;
    this.#frame = newFrame();
    this.#lines = [];
    this.#room = TRACE_ROOM;
    this.#lost = new Map();
  }

  /** What was printed since the run began. */
  get printed(): Pick<JobOutcome, "lines" | "linesLost"> {
    return { lines: this.#lines, linesLost: [...this.#lost] };
  }

  monotonic(): number {
    return Math.floor((performance.now() + this.#clockOffset) * 1e6);
  }

  boottime(): number {
    return this.monotonic();
  }

  trace(text: Uint8Array): void {
    if (this.#room < text.length) {
      this.#lost.set(this.#cpu(), (this.#lost.get(this.#cpu()) ?? 0) + 1);
      return;
    }
    this.#room -= text.length + LINE_COST;
    this.#lines.push({ cpu: this.#cpu(), time: this.monotonic(), text: Uint8Array.from(text) });
  }

  task(): CurrentTask {
    return this.#task!;
  }

  run(): CurrentRun {
    return this.#frame;
  }

  hasDevice(index: number): boolean {
    return this.#devices.includes(index);
  }

  flowKey(): readonly [number, number, number, number] {
    return this.#flowKey;
  }
}

/** What a line costs beside its text, about. */
const LINE_COST = 64;

function newFrame(): CurrentRun {
  return { cookie: 0n, ip: 0n, regs: 0, hasResult: false, session: null, override: null, retval: 0 };
}

function taskOf({ cgroups, ...task }: PortableTask): CurrentTask {
  const groups: TaskCgroup[] = [];
  for (const id of cgroups) groups.push({ id, ancestorAt: (level) => groups[level] });
  return { ...task, cgroup: groups.at(-1)! };
}
