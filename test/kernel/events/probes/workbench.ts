import { type Btf, BtfKind } from "../../../../src/btf/index.ts";
import { encodeStruct, type StructInput } from "../../../../src/sys/index.ts";
import { BpfAttachType, bpfLinkInfo, PerfIoctl, perfEventAttr } from "../../../../src/uapi/index.ts";
import { type Loading, loadFields } from "../../programs.ts";
import { Pair, type Side, type Twins } from "../../twins.ts";

/** Words of the map: whose calls count, then what programs leave. */
export const OWN = 0;
const WORDS = 40;

/** Ends programs that run for somebody else. The context is in r6 from here on. */
export const MINE = `
  r6 = r1
  call bpf_get_current_pid_tgid
  r0 >>= 32
  r7 = r0
  *(u32 *)(r10 - 4) = ${OWN}
  r2 = r10
  r2 += -4
  r1 = %0
  call bpf_map_lookup_elem
  if r0 == 0 goto +2
  r1 = *(u64 *)(r0 + 0)
  if r1 == r7 goto +2
  r0 = 0
  exit`;

/** Leaves r7 in a word. */
export const leave = (index: number) => `
  *(u32 *)(r10 - 4) = ${index}
  r2 = r10
  r2 += -4
  r1 = %0
  call bpf_map_lookup_elem
  if r0 == 0 goto +1
  *(u64 *)(r0 + 0) = r7`;

/** Appends a digit to a word. */
export const digit = (index: number, value: number) => `
  *(u32 *)(r10 - 4) = ${index}
  r2 = r10
  r2 += -4
  r1 = %0
  call bpf_map_lookup_elem
  if r0 == 0 goto +4
  r1 = *(u64 *)(r0 + 0)
  r1 *= 10
  r1 += ${value}
  *(u64 *)(r0 + 0) = r1`;

/** Where a call in the embedded kernel comes from: code of nobody's. */
const CALLER = 0xffff_ffff_8800_0000n;

/** How a function of the kernel is entered in both: by a system call of this process, and by being fired. */
export interface Passing {
  readonly name: string;
  readonly args: readonly (number | bigint)[];
  readonly result: number;
  /** The system call. */
  readonly call: () => number;
}

/** What perf_event_open(2) is asked for at a function. */
export interface Opening {
  /** Null: no name. */
  readonly name: string | null;
  readonly address?: (side: Side) => bigint;
  readonly offset?: number | bigint;
  readonly config?: number;
  readonly pid?: number;
  readonly cpu?: number;
}

export type Kind = keyof typeof KINDS;

const KINDS = {
  fentry: BpfAttachType.TRACE_FENTRY,
  fexit: BpfAttachType.TRACE_FEXIT,
  fmod_ret: BpfAttachType.MODIFY_RETURN,
  lsm: BpfAttachType.LSM_MAC,
} as const;

/** Both kernels, with programs at functions of them that are entered by this process alone. */
export class Workbench {
  readonly twins: Twins;
  readonly types: Readonly<Record<Side["name"], Btf>>;
  readonly syscall: (number: number, ...args: readonly (number | bigint)[]) => number;
  readonly map: Pair;
  #open: Pair[] = [];

  constructor(twins: Twins, types: Workbench["types"], syscall: Workbench["syscall"]) {
    this.twins = twins;
    this.types = types;
    this.syscall = syscall;
    this.map = twins.mustOpen("MAP_CREATE", { mapType: 2, keySize: 4, valueSize: 8, maxEntries: WORDS });
  }

  /** The id of a type of each kernel by its name. */
  typeId(name: string, kind: BtfKind = BtfKind.FUNC): Pair {
    return new Pair(this.types.embedded.findByName(name, kind), this.types.linux.findByName(name, kind));
  }

  /** Loads a program that runs for this process only; it ends with 0 unless its text does. Null where refused. */
  load(type: string, text: string, loading: Loading = {}): Pair | null {
    const whole = `${MINE}\n${text}${text.endsWith("exit") ? "" : "\nr0 = 0\nexit"}`;
    const fields = loadFields(type, whole, { maps: [this.map], ...loading });
    return this.#keep(this.twins.open("PROG_LOAD", fields, { ignore: ["insns", "logTrueSize"] }));
  }

  mustLoad(type: string, text: string, loading: Loading = {}): Pair {
    const program = this.load(type, text, loading);
    if (program === null) throw new Error(`${type}: ${text}\n${this.twins.differences.at(-1) ?? "refused"}`);
    return program;
  }

  /** As {@link load}, of a program around a function. */
  tracing(kind: Kind, name: string, text: string, fields: Loading["fields"] = {}): Pair | null {
    return this.load(kind === "lsm" ? "lsm" : "tracing", text, {
      fields: { attachBtfId: this.typeId(name), expectedAttachType: KINDS[kind], ...fields },
    });
  }

  /** Attaches a program around a function. */
  attachTracing(kind: Kind, name: string, text: string): Pair {
    const progFd = this.tracing(kind, name, text);
    if (progFd === null) throw new Error(`${kind} at ${name}: ${this.twins.differences.at(-1) ?? "refused"}`);
    return this.keep(this.twins.mustOpen("RAW_TRACEPOINT_OPEN", { progFd }));
  }

  /** perf_event_open(2) of a probe on one kernel. @returns a descriptor or a negative errno. */
  openOn(side: Side, { name, address, offset = 0, config = 0, pid = -1, cpu = 0 }: Opening): number {
    const type = side.port.readFile("/sys/bus/event_source/devices/kprobe/type");
    const bytes = new TextEncoder().encode(`${name ?? ""}\0`);
    const lent = name === null ? 0n : side.port.memory.lend(bytes);
    const attr: StructInput<typeof perfEventAttr> = {
      size: 136,
      type: Number(new TextDecoder().decode(type as Uint8Array)),
      config,
      kprobeFunc: lent,
      probeOffset: address === undefined ? BigInt(offset) : address(side),
    };
    try {
      return side.port.perfEventOpen(encodeStruct(perfEventAttr, attr), pid, cpu, -1, 8);
    } finally {
      if (lent !== 0n) side.port.memory.release(lent);
    }
  }

  /** As {@link openOn}, on both: only that they are granted, or with what errno not, is compared. Null where refused. */
  open(what: string, opening: Opening): Pair | null {
    const fds = this.twins.pair((side) => this.openOn(side, opening));
    this.twins.both(`open ${what}`, (side) => Math.min(side.of(fds), 0));
    if (fds.embedded >= 0 && fds.linux >= 0) return this.keep(this.twins.keep(fds));
    for (const side of this.twins.sides) if (side.of(fds) >= 0) side.port.close(side.of(fds));
    return null;
  }

  /** A probe with a program. */
  attachProbe(opening: Opening, text: string): Pair {
    const event = this.open(`${opening.name}`, opening);
    if (event === null) throw new Error(`open: ${this.twins.differences.at(-1) ?? "refused"}`);
    const progFd = this.mustLoad("kprobe", text);
    this.ioctl("SET_BPF", event, PerfIoctl.SET_BPF, progFd);
    return event;
  }

  ioctl(what: string, event: Pair, request: number, argument: Pair | number): number {
    return this.twins.both(what, (side) =>
      side.port.ioctl(side.of(event), request, typeof argument === "number" ? argument : side.of(argument)),
    );
  }

  /** Sets all words to 0, and passes the function on both. Compares what the call gives. */
  pass({ name, args, result, call }: Passing, { compareResult = true } = {}): void {
    const { kernel } = this.twins;
    this.reset();
    const theirs = call();
    const ours = Number(
      BigInt.asIntN(
        64,
        kernel.fire(`function:${name}`, { args, result }, { task: kernel.task, stack: { kernel: [CALLER] } })
          .result,
      ),
    );
    if (compareResult)
      this.twins.both(`result of ${name}`, (side) => (side.name === "linux" ? theirs : ours));
  }

  /** Sets all words to 0. */
  reset(): void {
    for (const side of this.twins.sides) {
      for (let index = 0; index < WORDS; index++) {
        const own = BigInt(side.name === "embedded" ? this.twins.kernel.pid : process.pid);
        this.#set(side, index, index === OWN ? own : 0n);
      }
    }
  }

  /** Words that programs have left, from 1 on, as signed numbers; `of` says what is compared of each. */
  words(what: string, count: number, of: (word: bigint, index: number) => unknown = (word) => word): void {
    this.twins.both(what, (side) =>
      Array.from({ length: count }, (_, index) => of(this.word(side, index + 1), index + 1)),
    );
  }

  keep(pair: Pair): Pair {
    this.#open.push(pair);
    return pair;
  }

  #keep(pair: Pair | null): Pair | null {
    return pair === null ? null : this.keep(pair);
  }

  /** Closes all that was opened since the last time, the last first. */
  closeAll(): void {
    for (const pair of this.#open.splice(0).reverse()) this.twins.close(pair);
  }

  linkInfo(side: Side, link: Pair): DataView {
    const info = new Uint8Array(bpfLinkInfo.size);
    side.sys.objGetInfoByFd({ bpfFd: side.of(link), info });
    return new DataView(info.buffer);
  }

  #set(side: Side, index: number, word: bigint): void {
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const value = new Uint8Array(BigUint64Array.of(word).buffer);
    side.sys.mapUpdateElem({ mapFd: side.of(this.map), key, value });
  }

  /** A word, as a signed number. */
  word(side: Side, index: number): bigint {
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const value = side.sys.mapLookupElem({ mapFd: side.of(this.map), key })!;
    return new DataView(value.buffer, value.byteOffset).getBigInt64(0, true);
  }
}
