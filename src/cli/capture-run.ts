import { messageOf, TsbpfError } from "../base/index.ts";
import {
  type CapturedPacket,
  CaptureReader,
  LINKTYPE,
  networkStart,
  PacketBatch,
  PLACE_WORDS,
} from "../packets/index.ts";
import { Errno } from "../sys/index.ts";
import { FileError } from "./failure.ts";
import type { CliIo } from "./io.ts";
import type { Progress } from "./progress.ts";

/** Milliseconds of work before timers, signals and the terminal have their turn. */
const SLICE = 10;

/** How a run over a capture went, as far as it went. */
export interface CaptureRun {
  readonly packets: number;
  /** Bytes on the wire, of all packets. */
  readonly bytes: number;
  readonly seconds: number;
  /** Ended by the user. */
  readonly interrupted: boolean;
  /** Why the capture could not be read to its end; null where it was. */
  readonly problem: string | null;
}

/** What `each` of {@link runCapture} says of a packet that was only put aside: nothing was run that takes time. */
export const PUT_ASIDE = Symbol("put aside");

/** What is done with the packets of a capture. */
export interface PacketWork {
  /** Takes one packet, which it must not keep beyond the promise that it may return. */
  each(packet: CapturedPacket, signal: AbortSignal): Promise<void> | typeof PUT_ASIDE | undefined;
  /** Takes packets of a batch, from the first on. @returns how many; 0 where the first one is for {@link each}. */
  many?(batch: PacketBatch): number;
  /** Is called before it is waited for more of the capture: what was put aside is to be done then. */
  rest?(): void;
}

/** Does something with every packet of a capture, in slices. */
export async function runCapture(
  io: CliIo,
  path: string,
  progress: Progress,
  work: PacketWork,
): Promise<CaptureRun> {
  const signal = io.signal();
  const started = io.now();
  const source = await untilAborted(io.openFile(path), signal);
  if (source === null) return { packets: 0, bytes: 0, seconds: 0, interrupted: true, problem: null };
  const reader = new CaptureReader();
  const batch = new PacketBatch();
  /** Packets that are not looked at together. */
  let singly = work.many === undefined ? Number.POSITIVE_INFINITY : 0;
  let packets = 0;
  let bytes = 0;
  let problem: string | null = null;
  let sliceEnd = started + SLICE;
  /** Timers, signals and the terminal have their turn. @returns whether it is to end. */
  const turn = async (): Promise<boolean> => {
    progress.update(packets, source.size === null ? null : reader.fileOffset / source.size);
    await io.turn();
    sliceEnd = io.now() + SLICE;
    return signal.aborted;
  };
  try {
    for (;;) {
      const chunk = await untilAborted(source.read(), signal);
      if (chunk === null) {
        if (!signal.aborted) reader.end();
        break;
      }
      reader.feed(chunk);
      for (;;) {
        if (singly <= 0) {
          reader.look(batch);
          const taken = work.many!(batch);
          reader.pass(batch, taken);
          packets += taken;
          if (signal.aborted) break;
          bytes += wireBytes(batch, taken);
          if (taken > 0) {
            if (io.now() >= sliceEnd && (await turn())) break;
            continue;
          }
          singly = batch.count;
        }
        const packet = reader.next();
        if (packet === null) break;
        singly--;
        const begun = work.each(packet, signal);
        packets++;
        bytes += packet.originalLength;
        if (signal.aborted) break;
        if (begun === PUT_ASIDE) continue;
        if (begun !== undefined) await begun;
        if (begun !== undefined && signal.aborted) break;
        // Each time: one packet can take as long as its program likes.
        if (io.now() >= sliceEnd && (await turn())) break;
      }
      if (signal.aborted) break;
      work.rest?.();
    }
  } catch (error) {
    // What the kernel refuses is nothing that is wrong with the capture.
    if (!(error instanceof TsbpfError) || error instanceof Errno) throw error;
    problem = error instanceof FileError ? error.message : `${path}: ${messageOf(error)}`;
  } finally {
    progress.end();
    await source.close();
  }
  return { packets, bytes, seconds: (io.now() - started) / 1000, interrupted: signal.aborted, problem };
}

/** Bytes on the wire of the first packets of a batch. */
function wireBytes({ places }: PacketBatch, count: number): number {
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += places[PLACE_WORDS * i + 2]!;
  return bytes;
}

/** Waiting for a pipe must not outlive Ctrl-C: null then. */
async function untilAborted<T>(act: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return null;
  return await new Promise((resolve, reject) => {
    const onAbort = () => resolve(null);
    signal.addEventListener("abort", onAbort, { once: true });
    act.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

const ETHERNET_HEADER = 14;

/**
 * The packet with an Ethernet header in front, which test runs want: itself where it has one; null where its link layer
 * is not one that can be replaced.
 */
export function asEthernet(packet: CapturedPacket): Uint8Array | null {
  if (packet.linktype === LINKTYPE.ETHERNET) return packet.data;
  const start = networkStart(packet.data, packet.linktype);
  if (start === null) return null;
  const { offset, ethertype } = start;
  const frame = new Uint8Array(ETHERNET_HEADER + packet.length - offset);
  frame[12] = ethertype >>> 8;
  frame[13] = ethertype & 0xff;
  frame.set(packet.data.subarray(offset), ETHERNET_HEADER);
  return frame;
}
