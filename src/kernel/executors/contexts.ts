import { NotSupported } from "../../base/index.ts";
import { LocalStorage } from "../../maps/index.ts";
import { RegionAccess } from "../../mem/index.ts";
import { decodeStruct } from "../../sys/index.ts";
import { BpfProgType, bpfSkBuff, Errno, xdpMd } from "../../uapi/index.ts";
import { contextKind } from "../context-kind.ts";
import { PacketObjects } from "../net/packet-objects.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";
import { paddedContext } from "../testrun/run.ts";
import { layTestSkb } from "../testrun/skb.ts";
import { checkTestXdp, layTestXdp } from "../testrun/xdp.ts";
import type { ExecutorMachine } from "./executor-machine.ts";

/** What a caller says of the context of runs. */
export interface ContextInput {
  readonly dataIn?: Uint8Array | undefined;
  readonly ctxIn?: Uint8Array | undefined;
}

/** A context in the one memory. */
export interface RunContext {
  readonly offset: number;
  readonly release: () => void;
}

/** A frame of the least length (`ETH_ZLEN`), and the four bytes of its checksum. */
const FRAME = 64;

/** Contexts of runs on other executors: each has a packet of its own. */
export class RunContexts {
  readonly #machine: ExecutorMachine;
  readonly #spare: PacketObjects[];

  /** @param spare packets that nobody uses: taken from it, and put there again. */
  constructor(machine: ExecutorMachine, spare: PacketObjects[]) {
    this.#machine = machine;
    this.#spare = spare;
  }

  /** @throws NotSupported for a program whose context no test run can make. EINVAL, ENODEV, ENOMEM as in a test run. */
  make(program: KernelProgram, input: ContextInput): RunContext {
    const { type } = program.parts;
    if (type === BpfProgType.XDP) return this.#xdp(program, input);
    if (contextKind(type) === "skb" && type !== BpfProgType.SK_SKB) return this.#skb(program, input);
    if (type === BpfProgType.RAW_TRACEPOINT || type === BpfProgType.SYSCALL)
      return this.#plain(program, input);
    throw new NotSupported(`a parallel run of a program of type ${type}`, {
      why: "no test run can make its context",
    });
  }

  #skb(program: KernelProgram, { dataIn = new Uint8Array(FRAME), ctxIn }: ContextInput): RunContext {
    const { memory, loopback } = this.#machine;
    const { packets, release } = this.#packet();
    try {
      layTestSkb({ packets, memory }, program, dataIn, padded(ctxIn, bpfSkBuff.size), loopback);
    } catch (error) {
      release();
      throw error;
    }
    return {
      offset: packets.skb.offset,
      release: () => {
        new LocalStorage(memory).clearOwner(packets.sock.at("sk_bpf_storage"));
        release();
      },
    };
  }

  #xdp(program: KernelProgram, { dataIn = new Uint8Array(FRAME), ctxIn }: ContextInput): RunContext {
    checkTestXdp(program);
    const { memory, loopback } = this.#machine;
    const { packets, release } = this.#packet();
    const bytes = padded(ctxIn, xdpMd.size);
    try {
      layTestXdp({ packets, memory }, dataIn, bytes === null ? null : decodeStruct(xdpMd, bytes), loopback);
    } catch (error) {
      release();
      throw error;
    }
    return { offset: packets.xdp.offset, release };
  }

  /** Bytes that the program sees as they are. */
  #plain({ parts }: KernelProgram, { ctxIn = new Uint8Array(0) }: ContextInput): RunContext {
    if (ctxIn.length < parts.maxContextOffset) refuse(Errno.EINVAL);
    const { memory } = this.#machine;
    const size = Math.max(ctxIn.length, 8);
    const offset = memory.alloc(size);
    if (offset === 0) refuse(Errno.ENOMEM);
    memory.bytes().set(ctxIn, offset);
    const access = RegionAccess.READ_WRITE;
    const region = memory.regions.add({
      start: offset,
      end: offset + size,
      access,
      stride: 0,
      size: 0,
      what: "context",
    });
    return {
      offset,
      release: () => {
        memory.regions.remove(region);
        memory.free(offset);
      },
    };
  }

  #packet(): { readonly packets: PacketObjects; readonly release: () => void } {
    const { memory, layout, structs } = this.#machine;
    const packets = this.#spare.pop() ?? new PacketObjects(memory, layout, structs);
    return { packets, release: () => void this.#spare.push(packets) };
  }
}

function padded(given: Uint8Array | undefined, size: number): Uint8Array | null {
  return given === undefined ? null : paddedContext(given, size);
}
