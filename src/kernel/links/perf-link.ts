import { BpfLinkType, BpfPerfEventType, BpfProgType } from "../../uapi/index.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import type { PerfEvent, ProbePlace } from "../perf/perf-event.ts";
import type { KernelSymbols } from "../symbols.ts";
import { KernelLink, type LinkInfo, type LinkInfoRequest } from "./link.ts";

/** A program of a perf event (`struct bpf_perf_link`). */
export class PerfLink extends KernelLink {
  readonly event: PerfEvent;
  readonly #cookie: bigint;
  readonly #symbols: KernelSymbols;
  /** The event's program is this link's. */
  #owns = false;

  /** Takes a reference to the event: it stays open as long as the link. */
  constructor(
    table: IdTable<KernelLink>,
    program: KernelProgram,
    event: PerfEvent,
    { cookie, symbols }: { readonly cookie: bigint; readonly symbols: KernelSymbols },
  ) {
    super(table, BpfLinkType.PERF_EVENT, program);
    this.event = event.get();
    this.#cookie = cookie;
    this.#symbols = symbols;
  }

  /** The event has got its program from this link, and loses it with it. */
  own(): void {
    this.#owns = true;
  }

  info(request: LinkInfoRequest): LinkInfo {
    const { source, attr } = this.event.parts;
    if (this.program.parts.type === BpfProgType.PERF_EVENT || source.kind !== "trace") {
      return {
        perfEventType: BpfPerfEventType.EVENT,
        perfEventEventConfig: attr.config,
        perfEventEventType: attr.type,
        perfEventEventCookie: this.#cookie,
      };
    }
    if (source.probe !== null) return this.#probeInfo(request, source.probe);
    const at = ["perfEventTracepointTpName", "perfEventTracepointNameLen"] as const;
    return {
      perfEventType: BpfPerfEventType.TRACEPOINT,
      perfEventTracepointNameLen: request.giveText(...at, source.call.name),
      perfEventTracepointCookie: this.#cookie,
    };
  }

  #probeInfo(request: LinkInfoRequest, probe: ProbePlace): LinkInfo {
    const { kind, name, offset, onReturn } = probe;
    if (kind === "uprobe") {
      return {
        perfEventType: onReturn ? BpfPerfEventType.URETPROBE : BpfPerfEventType.UPROBE,
        perfEventUprobeNameLen: request.giveText("perfEventUprobeFileName", "perfEventUprobeNameLen", name),
        perfEventUprobeOffset: Number(BigInt.asUintN(32, offset)),
        perfEventUprobeCookie: this.#cookie,
      };
    }
    const isNamed = probe.address === undefined;
    const at = ["perfEventKprobeFuncName", "perfEventKprobeNameLen"] as const;
    const length = request.giveText(...at, isNamed ? name : "");
    const address = probe.address ?? this.#symbols.address(name) + offset;
    return {
      perfEventType: onReturn ? BpfPerfEventType.KRETPROBE : BpfPerfEventType.KPROBE,
      perfEventKprobeNameLen: isNamed ? length : 0,
      perfEventKprobeOffset: isNamed ? Number(BigInt.asUintN(32, offset)) : 0,
      perfEventKprobeAddr: request.showsAddresses ? address : 0n,
      perfEventKprobeMissed: 0,
      perfEventKprobeCookie: this.#cookie,
    };
  }

  protected override release(): void {
    if (this.#owns) this.event.detach();
    this.event.put();
  }
}
