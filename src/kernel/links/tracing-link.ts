import { BpfLinkType } from "../../uapi/index.ts";
import type { FunctionSite, TrampolineKind } from "../hooks/functions.ts";
import type { IdTable } from "../id-table.ts";
import type { KernelProgram } from "../objects/program.ts";
import { KernelLink, type LinkInfo } from "./link.ts";

/** What a program of a trampoline is attached to. */
export interface TracingTarget {
  readonly site: FunctionSite;
  readonly kind: TrampolineKind;
  /** Id of the BTF that describes the function, and the function's id there. */
  readonly btf: number;
  readonly btfId: number;
}

/** A program that runs where a function is entered or left (`struct bpf_tracing_link`). */
export class TracingLink extends KernelLink {
  readonly target: TracingTarget;
  readonly cookie: bigint;

  constructor(table: IdTable<KernelLink>, program: KernelProgram, target: TracingTarget, cookie: bigint) {
    super(table, BpfLinkType.TRACING, program);
    this.target = target;
    this.cookie = cookie;
  }

  info(): LinkInfo {
    return {
      tracingAttachType: this.program.parts.expectedAttachType,
      tracingTargetObjId: this.target.btf,
      tracingTargetBtfId: this.target.btfId,
      tracingCookie: this.cookie,
    };
  }

  protected override release(): void {
    this.target.site.unlink(this);
  }
}
