import { Errno } from "../../uapi/index.ts";
import type { KernelLink } from "../links/link.ts";
import type { KernelProgram } from "../objects/program.ts";
import { refuse } from "../refusal.ts";

/** A program at an event, and what its attacher gave it to tell events apart by (`bpf_get_attach_cookie`). */
export interface Attachment {
  readonly program: KernelProgram;
  readonly cookie: bigint;
}

/** The program of a link at a tracepoint, a function or a place in a file, and what it is told apart by there. */
export interface LinkProbe {
  readonly link: KernelLink;
  readonly cookie: bigint;
}

/** `BPF_TRACE_MAX_PROGS` */
export const MOST_PROGRAMS = 64;

/** What kind of event it is: it decides what programs it takes, and what their context is. */
export type EventKind = "tracepoint" | "syscall" | "kprobe" | "uprobe";

/** Something that perf events count and programs are attached to through them (`struct trace_event_call`). */
export class EventCall {
  readonly kind: EventKind;
  /** Of the tracepoint or function. */
  readonly name: string;
  /** Bytes of its context that programs may look at: of a record, without its dynamic data. */
  readonly contextSize: number;
  /** Perf events that are open, of whatever CPU and task. */
  users = 0;
  #attachments: readonly Attachment[] = [];

  constructor(kind: EventKind, name: string, contextSize: number) {
    this.kind = kind;
    this.name = name;
    this.contextSize = contextSize;
  }

  /** In the order in which they were attached, in which they run. A list does not change while it is walked. */
  get attachments(): readonly Attachment[] {
    return this.#attachments;
  }

  /** `perf_event_attach_bpf_prog`: E2BIG, EEXIST. */
  attach(attachment: Attachment): void {
    if (this.#attachments.length >= MOST_PROGRAMS) refuse(Errno.E2BIG);
    if (this.#attachments.some(({ program }) => program === attachment.program)) refuse(Errno.EEXIST);
    this.#attachments = [...this.#attachments, attachment];
  }

  /** `perf_event_detach_bpf_prog` */
  detach(program: KernelProgram): void {
    this.#attachments = this.#attachments.filter((attachment) => attachment.program !== program);
  }
}
