import { BpfLinkType } from "../../uapi/index.ts";
import type { LinkProbe } from "../hooks/event-call.ts";
import type { Tracepoint } from "../hooks/tracepoints.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import { KernelLink, type LinkInfo, type LinkInfoRequest } from "./link.ts";

/** A program at a tracepoint that gets its arguments as they are (`struct bpf_raw_tp_link`). */
export class RawTracepointLink extends KernelLink implements LinkProbe {
  readonly point: Tracepoint;
  readonly cookie: bigint;

  constructor(table: IdTable<KernelLink>, program: KernelProgram, point: Tracepoint, cookie: bigint) {
    super(table, BpfLinkType.RAW_TRACEPOINT, program);
    this.point = point;
    this.cookie = cookie;
    point.add(this);
  }

  get link(): this {
    return this;
  }

  info(request: LinkInfoRequest): LinkInfo {
    const length = request.giveText("rawTracepointTpName", "rawTracepointTpNameLen", this.point.name);
    return { rawTracepointTpNameLen: length, rawTracepointCookie: this.cookie };
  }

  protected override release(): void {
    this.point.remove(this);
  }
}
