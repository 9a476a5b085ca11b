import { cString, utf8 } from "../base/index.ts";
import { Errno as E } from "../uapi/index.ts";
import { decodeAttr, encodeAttr } from "./attr.ts";
import { Caller } from "./caller.ts";
import type {
  LinkCreateArguments,
  LinkUpdateArguments,
  ProgAttachArguments,
  ProgQueryArguments,
  ProgQueryResult,
  RawTracepointOpenArguments,
  TaskFdQueryResult,
} from "./link-arguments.ts";
import { Loans } from "./loans.ts";

const NOTHING = new Uint8Array(0);
/** Programs at one hook that the first question has room for. */
const QUERY_ROOM = 64;
/** `PATH_MAX`: a file's name, or a function's. */
const NAME_ROOM = 4096;

/** The commands of bpf(2) that attach programs and look at what is attached. */
export class LinkCommands extends Caller {
  /** BPF_PROG_ATTACH. */
  progAttach(args: ProgAttachArguments): void {
    this.call("PROG_ATTACH", args);
  }

  /** BPF_PROG_DETACH. */
  progDetach(args: ProgAttachArguments): void {
    this.call("PROG_DETACH", args);
  }

  /** BPF_PROG_QUERY: the programs at a hook, all of them, in the order in which they run. */
  progQuery(args: ProgQueryArguments): ProgQueryResult {
    const { details, ...rest } = args;
    for (let room = QUERY_ROOM; ; ) {
      using loans = new Loans(this.port.memory);
      const ids = new Uint32Array(room);
      const more = details === true ? room : 0;
      const [flags, linkIds, linkFlags] = [
        new Uint32Array(more),
        new Uint32Array(more),
        new Uint32Array(more),
      ];
      const attr = encodeAttr("PROG_QUERY", {
        ...rest,
        progIds: loans.lend(bytesOf(ids)),
        progCnt: room,
        progAttachFlags: loans.lend(bytesOf(flags)),
        linkIds: loans.lend(bytesOf(linkIds)),
        linkAttachFlags: loans.lend(bytesOf(linkFlags)),
      });
      const result = this.raw("PROG_QUERY", attr);
      const { progCnt, attachFlags, revision } = decodeAttr("PROG_QUERY", attr);
      // The kernel says how many there are.
      if (result === -E.ENOSPC && progCnt > room) {
        room = progCnt;
        continue;
      }
      this.check("PROG_QUERY", result);
      const filled = (words: Uint32Array) => words.slice(0, progCnt);
      return {
        progIds: filled(ids),
        attachFlags,
        revision,
        progAttachFlags: filled(flags),
        linkIds: filled(linkIds),
        linkAttachFlags: filled(linkFlags),
      };
    }
  }

  /** BPF_RAW_TRACEPOINT_OPEN. @returns a descriptor; closing it detaches the program. */
  rawTracepointOpen(args: RawTracepointOpenArguments): number {
    using loans = new Loans(this.port.memory);
    const { name, progFd, cookie } = args;
    return this.call("RAW_TRACEPOINT_OPEN", {
      progFd,
      cookie: cookie ?? 0,
      name: loans.lend(name === undefined ? NOTHING : utf8(`${name}\0`)),
    });
  }

  /** BPF_LINK_CREATE. @returns the link's descriptor. */
  linkCreate(args: LinkCreateArguments): number {
    using loans = new Loans(this.port.memory);
    const {
      iterInfo,
      kprobeMultiSyms,
      kprobeMultiAddrs,
      kprobeMultiCookies,
      uprobeMultiPath,
      uprobeMultiOffsets,
      uprobeMultiRefCtrOffsets,
      uprobeMultiCookies,
      ...rest
    } = args;
    const numbers = (values: readonly bigint[]) => loans.lend(bytesOf(BigUint64Array.from(values)));
    const text = (value: string) => loans.lend(utf8(`${value}\0`));
    // Only the fields of the arm in use: the arms share their bytes.
    const kprobes = kprobeMultiSyms ?? kprobeMultiAddrs;
    return this.call("LINK_CREATE", {
      ...rest,
      ...(iterInfo && { iterInfo: loans.lend(iterInfo), iterInfoLen: iterInfo.length }),
      ...(kprobes && { kprobeMultiCnt: kprobes.length }),
      ...(kprobeMultiSyms && { kprobeMultiSyms: numbers(kprobeMultiSyms.map(text)) }),
      ...(kprobeMultiAddrs && { kprobeMultiAddrs: numbers(kprobeMultiAddrs) }),
      ...(kprobeMultiCookies && { kprobeMultiCookies: numbers(kprobeMultiCookies) }),
      ...(uprobeMultiPath !== undefined && { uprobeMultiPath: text(uprobeMultiPath) }),
      ...(uprobeMultiOffsets && {
        uprobeMultiOffsets: numbers(uprobeMultiOffsets),
        uprobeMultiCnt: uprobeMultiOffsets.length,
      }),
      ...(uprobeMultiRefCtrOffsets && { uprobeMultiRefCtrOffsets: numbers(uprobeMultiRefCtrOffsets) }),
      ...(uprobeMultiCookies && { uprobeMultiCookies: numbers(uprobeMultiCookies) }),
    });
  }

  /** BPF_LINK_UPDATE: another program, or map of a struct_ops, behind the same link. */
  linkUpdate(args: LinkUpdateArguments): void {
    this.call("LINK_UPDATE", args);
  }

  /** BPF_LINK_DETACH: the link stays, and does nothing any more. */
  linkDetach(args: { readonly linkFd: number }): void {
    this.call("LINK_DETACH", args);
  }

  /** BPF_ITER_CREATE. @returns a descriptor to read(2) the iterator's output from. */
  iterCreate(args: { readonly linkFd: number; readonly flags?: number }): number {
    return this.call("ITER_CREATE", args);
  }

  /** BPF_ENABLE_STATS. @returns a descriptor; run times are counted until it is closed. */
  enableStats(args: { readonly type: number }): number {
    return this.call("ENABLE_STATS", args);
  }

  /** BPF_TASK_FD_QUERY: what program stands behind a perf event or raw tracepoint of a process, or null for none. */
  taskFdQuery(args: { readonly pid: number; readonly fd: number }): TaskFdQueryResult | null {
    using loans = new Loans(this.port.memory);
    const name = new Uint8Array(NAME_ROOM);
    const attr = encodeAttr("TASK_FD_QUERY", { ...args, buf: loans.lend(name), bufLen: name.length });
    if (!this.found("TASK_FD_QUERY", this.raw("TASK_FD_QUERY", attr))) return null;
    const { progId, fdType, probeOffset, probeAddr } = decodeAttr("TASK_FD_QUERY", attr);
    return { progId, fdType, probeOffset, probeAddr, name: cString(name) };
  }

  /** BPF_TOKEN_CREATE. @returns a descriptor that stands for the rights that a bpffs delegates. */
  tokenCreate(args: { readonly bpffsFd: number; readonly flags?: number }): number {
    return this.call("TOKEN_CREATE", args);
  }

  /** BPF_PROG_STREAM_READ_BY_FD. @returns what the program wrote to the stream, up to `size` bytes; empty for no more. */
  progStreamReadByFd(args: {
    readonly progFd: number;
    readonly streamId: number;
    readonly size?: number;
  }): Uint8Array {
    using loans = new Loans(this.port.memory);
    const buffer = new Uint8Array(args.size ?? NAME_ROOM);
    const count = this.call("PROG_STREAM_READ_BY_FD", {
      progFd: args.progFd,
      streamId: args.streamId,
      streamBuf: loans.lend(buffer),
      streamBufLen: buffer.length,
    });
    return buffer.subarray(0, count);
  }
}

function bytesOf(words: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
