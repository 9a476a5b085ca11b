import { hexOf } from "../../src/base/index.ts";
import { EmbeddedKernel, type KernelOptions } from "../../src/kernel/index.ts";
import {
  type AttrInput,
  BpfCommands,
  decodeAttr,
  Errno,
  encodeAttr,
  type Port,
} from "../../src/sys/index.ts";
import { type BpfAttrCommand, BpfCmd, bpfAttr, errnoName } from "../../src/uapi/index.ts";
import { livePort } from "../support/live-port.ts";

/** A number that differs between the two kernels: a descriptor, an id. */
export class Pair {
  readonly embedded: number;
  readonly linux: number;

  constructor(embedded: number, linux: number) {
    this.embedded = embedded;
    this.linux = linux;
  }
}

/** A field of an attribute: a number, a number of each kernel, or a buffer that each kernel gets a copy of. */
export type FieldValue = number | bigint | Pair | Uint8Array | ((side: Side) => Uint8Array);
export type Fields = Readonly<Record<string, FieldValue>>;

export interface CallOptions {
  /** Size of the attribute as the system call is told; that of the command's member unless told. */
  readonly size?: number;
  /** Bytes behind the command's member. */
  readonly tail?: Uint8Array;
  /** Out-fields and buffers that need not be equal. */
  readonly ignore?: readonly string[];
  /** Bytes of buffers that need not be equal: from, to. */
  readonly mask?: Readonly<Record<string, readonly [number, number]>>;
}

/** What both kernels answered, where they agree; what the embedded one did, otherwise. */
export interface Outcome {
  readonly result: number;
  /** Buffers after the call, by field: of the embedded kernel, then of Linux. */
  readonly buffers: Readonly<Record<string, readonly [Uint8Array, Uint8Array]>>;
  /** Fields of the attribute after the call, likewise. */
  readonly fields: Readonly<Record<string, readonly [number, number]>>;
}

export class Side {
  readonly name: "embedded" | "linux";
  readonly sys: BpfCommands;

  constructor(name: "embedded" | "linux", sys: BpfCommands) {
    this.name = name;
    this.sys = sys;
  }

  get port(): Port {
    return this.sys.port;
  }

  of(pair: Pair): number {
    return this.name === "embedded" ? pair.embedded : pair.linux;
  }
}

interface Answer {
  readonly result: number;
  readonly buffers: Readonly<Record<string, Uint8Array>>;
  /** Fields that the call has changed. */
  readonly changed: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, number>>;
}

/** The same system calls on an embedded kernel and on the live one, compared call by call. */
export class Twins implements Disposable {
  readonly kernel: EmbeddedKernel;
  readonly sides: readonly [Side, Side];
  readonly differences: string[] = [];
  calls = 0;
  readonly #open = new Set<Pair>();

  constructor(kernel: EmbeddedKernel, live: Port) {
    this.kernel = kernel;
    this.sides = [new Side("embedded", kernel), new Side("linux", new BpfCommands(live))];
  }

  /** Two kernels with as many CPUs, or null with the reason where there is no live one. */
  static async meet(options: KernelOptions = {}): Promise<Twins> {
    const { port, why } = await livePort();
    if (port === null) throw new Error(why);
    const cpus = new BpfCommands(port).possibleCpus();
    return new Twins(new EmbeddedKernel({ cpus, ...options }), port);
  }

  /** One system call on both. What differs is noted in {@link differences}. */
  call(command: BpfAttrCommand, fields: Fields, options: CallOptions = {}): Outcome {
    this.calls++;
    const [ours, theirs] = this.sides.map((side) => perform(side, command, fields, options)) as [
      Answer,
      Answer,
    ];
    const ignored = new Set(options.ignore ?? []);
    const problems: string[] = [];
    const differ = (what: string, left: string, right: string) => {
      if (left !== right) problems.push(`${what}: embedded ${left}, linux ${right}`);
    };
    differ("result", resultText(ours.result), resultText(theirs.result));
    for (const name of new Set([...Object.keys(ours.changed), ...Object.keys(theirs.changed)])) {
      if (!ignored.has(name)) differ(name, ours.changed[name] ?? "kept", theirs.changed[name] ?? "kept");
    }
    const buffers: Record<string, readonly [Uint8Array, Uint8Array]> = {};
    for (const [name, left] of Object.entries(ours.buffers)) {
      const right = theirs.buffers[name]!;
      buffers[name] = [left, right];
      const [from, to] = options.mask?.[name] ?? [0, 0];
      for (const bytes of [left, right]) bytes.fill(0, from, to);
      if (!ignored.has(name) && !(typeof fields[name] === "function" && PATHS.has(name)))
        differ(name, brief(left), brief(right));
    }
    if (problems.length > 0)
      this.differences.push(`${describe(command, fields, options)}\n  ${problems.join("\n  ")}`);
    const out: Record<string, readonly [number, number]> = {};
    for (const [name, left] of Object.entries(ours.fields)) out[name] = [left, theirs.fields[name]!];
    // A descriptor that only one of them gave is closed here, and nobody else's business.
    if (!GIVES_FD.has(command) && ours.result !== theirs.result)
      return { result: ours.result, buffers, fields: out };
    if (GIVES_FD.has(command)) {
      if (ours.result >= 0 && theirs.result >= 0) {
        const pair = new Pair(ours.result, theirs.result);
        this.#open.add(pair);
        this.#last = pair;
        return { result: 0, buffers, fields: out };
      }
      if (ours.result >= 0) this.sides[0].port.close(ours.result);
      if (theirs.result >= 0) this.sides[1].port.close(theirs.result);
      this.#last = null;
    }
    return { result: ours.result, buffers, fields: out };
  }

  #last: Pair | null = null;

  /** A call that gives a descriptor. Null where it was refused. */
  open(command: BpfAttrCommand, fields: Fields, options: CallOptions = {}): Pair | null {
    this.call(command, fields, options);
    return this.#last;
  }

  /** As {@link open}, of a call that both must grant. */
  mustOpen(command: BpfAttrCommand, fields: Fields, options: CallOptions = {}): Pair {
    const pair = this.open(command, fields, options);
    if (pair === null)
      throw new Error(`refused: ${this.differences.at(-1) ?? describe(command, fields, options)}`);
    return pair;
  }

  /** Something else done on both, whose outcomes are compared as JSON. Refusals are outcomes. */
  both<T>(what: string, act: (side: Side) => T): T {
    this.calls++;
    const [ours, theirs] = this.sides.map((side) => {
      try {
        return { value: act(side), text: "" };
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        return { value: undefined as T, text: `${error.command} ${error.code}` };
      }
    }) as [{ value: T; text: string }, { value: T; text: string }];
    const left = ours.text || text(ours.value);
    const right = theirs.text || text(theirs.value);
    if (left !== right) this.differences.push(`${what}\n  embedded ${left}\n  linux    ${right}`);
    return ours.value;
  }

  /** A pair of what `act` gives for each side, not compared. */
  pair(act: (side: Side) => number): Pair {
    return new Pair(act(this.sides[0]), act(this.sides[1]));
  }

  /** Takes descriptors, to close them at the end. */
  keep(pair: Pair): Pair {
    this.#open.add(pair);
    return pair;
  }

  close(pair: Pair): void {
    if (!this.#open.delete(pair)) return;
    for (const side of this.sides) side.port.close(side.of(pair));
  }

  /** The differences since the last call of this method: each once, and of many the first. */
  taken(): string[] {
    const distinct = [...new Set(this.differences.splice(0))];
    return distinct.length <= SHOWN
      ? distinct
      : [...distinct.slice(0, SHOWN), `and ${distinct.length - SHOWN} more`];
  }

  [Symbol.dispose](): void {
    for (const pair of [...this.#open]) this.close(pair);
  }
}

const GIVES_FD: ReadonlySet<BpfAttrCommand> = new Set<BpfAttrCommand>([
  "MAP_CREATE",
  "PROG_LOAD",
  "BTF_LOAD",
  "OBJ_GET",
  "PROG_GET_FD_BY_ID",
  "MAP_GET_FD_BY_ID",
  "BTF_GET_FD_BY_ID",
  "LINK_GET_FD_BY_ID",
  "RAW_TRACEPOINT_OPEN",
  "LINK_CREATE",
  "ITER_CREATE",
  "ENABLE_STATS",
]);

function perform(side: Side, command: BpfAttrCommand, fields: Fields, options: CallOptions): Answer {
  const { memory } = side.port;
  const lent: bigint[] = [];
  const buffers: Record<string, Uint8Array> = {};
  const values: Record<string, number | bigint | Uint8Array> = {};
  for (const [name, value] of Object.entries(fields)) {
    const given = typeof value === "function" ? value(side) : value;
    if (given instanceof Pair) values[name] = side.of(given);
    else if (given instanceof Uint8Array && !NAMES.has(name)) {
      const buffer = given.slice();
      const address = memory.lend(buffer);
      if (buffer.length > 0) lent.push(address);
      buffers[name] = buffer;
      values[name] = address;
    } else values[name] = given;
  }
  const own = encodeAttr(command, values as AttrInput<BpfAttrCommand>);
  const tail = options.tail ?? new Uint8Array(0);
  const size = options.size ?? own.length + tail.length;
  const attr = new Uint8Array(Math.max(size, own.length + tail.length));
  attr.set(own);
  attr.set(tail, own.length);
  const before = decodeAttr(command, attr.subarray(0, size)) as unknown as Record<
    string,
    number | bigint | Uint8Array
  >;
  const result = side.port.bpf(BpfCmd[command], attr, size);
  for (const address of lent) memory.release(address);
  const after = decodeAttr(command, attr.subarray(0, size)) as unknown as Record<
    string,
    number | bigint | Uint8Array
  >;
  const changed: Record<string, string> = {};
  const out: Record<string, number> = {};
  for (const { camel } of bpfAttr[command].fields) {
    const [old, now] = [before[camel]!, after[camel]!];
    if (typeof now === "number") out[camel] = now;
    if (text(old) !== text(now)) changed[camel] = text(now);
  }
  return { result, buffers, changed, fields: out };
}

/** Fields that say what the two kernels call differently. */
const PATHS: ReadonlySet<string> = new Set(["pathname"]);

/** Fields that are bytes inside the attribute. */
const NAMES: ReadonlySet<string> = new Set(["mapName", "progName"]);

function resultText(result: number): string {
  return result >= 0 ? "done" : errnoName(-result);
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => {
    if (typeof part === "bigint") return `${part}n`;
    if (ArrayBuffer.isView(part) && part instanceof Uint8Array) return hexOf(part);
    return part;
  });
}

/** A long buffer as its length and the bytes that are not 0xaa, for messages. */
function brief(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === UNTOUCHED) end--;
  const shown = hexOf(bytes.subarray(0, end));
  return shown.length > 4096 ? `${shown.slice(0, 4096)}…` : shown;
}

const UNTOUCHED = 0xaa;
/** Differences that a failing test shows. */
const SHOWN = 6;

/** A buffer whose untouched bytes show. */
export function room(size: number): Uint8Array {
  return new Uint8Array(size).fill(UNTOUCHED);
}

/** A short buffer whole; of a long one the bytes that are not 0, by offset. */
function shown(bytes: Uint8Array): string {
  if (bytes.length <= 24) return hexOf(bytes);
  if (bytes.every((byte) => byte === UNTOUCHED)) return "untouched";
  const set = [...bytes.entries()].filter(([, byte]) => byte !== 0);
  return set.length > 12
    ? hexOf(bytes.subarray(0, 24))
    : set.map(([at, byte]) => `${at}:${hexOf(Uint8Array.of(byte))}`).join(" ");
}

/** A side that is only described: its descriptors are all 0. */
const EMBEDDED = { name: "embedded", of: () => 0 } as unknown as Side;

function describe(command: BpfAttrCommand, fields: Fields, options: CallOptions): string {
  const parts = Object.entries(fields).map(([name, value]) => {
    if (value instanceof Pair) return `${name}: fd`;
    if (typeof value === "function") return `${name}: ${hexOf(value(EMBEDDED).subarray(0, 64))}`;
    if (value instanceof Uint8Array) return `${name}: [${value.length}] ${shown(value)}`;
    return `${name}: ${value}`;
  });
  if (options.size !== undefined) parts.push(`size ${options.size}`);
  if (options.tail !== undefined) parts.push(`tail ${hexOf(options.tail.subarray(0, 16))}`);
  return `${command}(${parts.join(", ")})`;
}
