import { messageOf, TsbpfError } from "../base/index.ts";
import { type CapturedPacket, CaptureReader, LINKTYPE, networkStart } from "../packets/index.ts";
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

/**
 * Calls `each` for every packet of a capture, in slices. `each` must not keep the packet beyond the promise that it may
 * return. `rest` is called before it is waited for more of the capture: what was put aside is to be done then.
 */
export async function runCapture(
  io: CliIo,
  path: string,
  progress: Progress,
  each: (packet: CapturedPacket, signal: AbortSignal) => Promise<void> | typeof PUT_ASIDE | undefined,
  rest: () => void = () => undefined,
): Promise<CaptureRun> {
  const signal = io.signal();
  const started = io.now();
  const source = await untilAborted(io.openFile(path), signal);
  if (source === null) return { packets: 0, bytes: 0, seconds: 0, interrupted: true, problem: null };
  const reader = new CaptureReader();
  let packets = 0;
  let bytes = 0;
  let problem: string | null = null;
  let sliceEnd = started + SLICE;
  try {
    for (;;) {
      const chunk = await untilAborted(source.read(), signal);
      if (chunk === null) {
        if (!signal.aborted) reader.end();
        break;
      }
      reader.feed(chunk);
      for (let packet = reader.next(); packet !== null; packet = reader.next()) {
        const begun = each(packet, signal);
        packets++;
        bytes += packet.originalLength;
        if (begun === PUT_ASIDE) continue;
        if (begun !== undefined) await begun;
        if (begun !== undefined && signal.aborted) break;
        // Each time: one packet can take as long as its program likes.
        if (io.now() >= sliceEnd) {
          progress.update(packets, source.size === null ? null : reader.fileOffset / source.size);
          await io.turn();
          if (signal.aborted) break;
          sliceEnd = io.now() + SLICE;
        }
      }
      if (signal.aborted) break;
      rest();
    }
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    problem = error instanceof FileError ? error.message : `${path}: ${messageOf(error)}`;
  } finally {
    progress.end();
    await source.close();
  }
  return { packets, bytes, seconds: (io.now() - started) / 1000, interrupted: signal.aborted, problem };
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
