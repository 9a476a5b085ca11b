import { RegionAccess } from "../../mem/index.ts";
import { Errno } from "../../uapi/index.ts";
import type { KernelStruct } from "../kernel-struct.ts";
import type { Machine } from "../machine.ts";
import { KernelObject } from "../objects/kernel-object.ts";
import type { KernelProgram } from "../objects/program.ts";
import { runFrame } from "../run-frame.ts";
import type { IteratorLink, IteratorTarget } from "./iterator-link.ts";
import type { WalkPlace, WalkStep } from "./walk.ts";

/** `PAGE_SIZE << 3`: what programs may write before a reader takes it. */
const BUFFER_SIZE = 32768;

/** The output of an iterator: each read runs the program on as many objects as there is room for (`bpf_seq_read`). */
export class IteratorFile extends KernelObject {
  readonly kind = "iter";
  readonly #machine: Machine;
  readonly #program: KernelProgram;
  readonly #target: IteratorTarget;
  readonly #steps: IterableIterator<WalkStep>;
  readonly #seq: KernelStruct;
  readonly #meta: KernelStruct;
  readonly #context: KernelStruct;
  readonly #buffer: number;
  readonly #region: number;
  readonly #session: bigint;
  /** The object whose turn it is: one that found no room comes again. */
  #next: WalkStep | null;
  #number = 0n;
  #done = false;
  /** What is left of the last fill. */
  #pending = new Uint8Array(0);
  readonly #link: IteratorLink;

  /** Takes references to the link's program and to the link, which holds what is walked. */
  constructor(machine: Machine, link: IteratorLink, place: WalkPlace) {
    super(0);
    this.#machine = machine;
    this.#link = link.get();
    this.#program = link.program.get();
    this.#target = link.target;
    this.#session = machine.nextSession();
    this.#steps = link.target.walk.steps(machine, link.target.options, place);
    const { structs, memory } = machine;
    this.#seq = structs.struct("seq_file");
    this.#meta = structs.struct("bpf_iter_meta");
    this.#context = structs.struct(`bpf_iter__${link.target.name}`);
    this.#buffer = structs.allocate(BUFFER_SIZE);
    this.#region = memory.regions.add({
      start: this.#buffer,
      end: this.#buffer + BUFFER_SIZE,
      access: RegionAccess.READ,
      stride: 0,
      size: 0,
      what: "output of an iterator",
    });
    this.#seq.point("buf", this.#buffer);
    this.#seq.set("size", BUFFER_SIZE);
    this.#meta.point("seq", this.#seq.offset);
    this.#meta.set("session_id", this.#session);
    this.#context.point("meta", this.#meta.offset);
    this.#next = this.#take();
  }

  /** The next bytes, at most so many; none at the end. E2BIG where one object writes more than there is room for; EAGAIN. */
  read(most: number): Uint8Array | number {
    if (this.#pending.length === 0 && !this.#done) {
      const result = this.#fill(most);
      if (result < 0) return result;
    }
    const given = this.#pending.slice(0, most);
    this.#pending = this.#pending.subarray(given.length);
    return given;
  }

  #fill(most: number): number {
    const { memory } = this.#machine;
    let count = 0;
    let error = 0;
    while (this.#next !== null && (count === 0 || count < most)) {
      error = this.#show(this.#next, count);
      if (error < 0) break;
      count = this.#seq.get("count");
      this.#number++;
      this.#next = this.#take();
    }
    if (error < 0 && count === 0) return error;
    if (this.#next === null && error === 0) {
      // The program is told of the end: by a null object.
      if (this.#show({}, count) !== -Errno.E2BIG) {
        this.#done = true;
        count = this.#seq.get("count");
      } else if (count === 0) return -Errno.E2BIG;
    }
    this.#pending = memory.bytes().slice(this.#buffer, this.#buffer + count);
    return 0;
  }

  /** Runs the program for an object, behind what was written. @returns 0, -EAGAIN where it wants it again, -E2BIG. */
  #show(step: WalkStep, written: number): number {
    this.#seq.set("count", written);
    this.#meta.set("seq_num", this.#number);
    const { members, numbers = [] } = this.#target.walk;
    for (const member of members) this.#context.point(member, step[member] ?? 0);
    for (const member of numbers) this.#context.set(member, step[member] ?? 0);
    const result = this.#machine.runForEvent(this.#program, this.#context.offset, runFrame());
    if (this.#seq.get("count") >= BUFFER_SIZE) return -Errno.E2BIG;
    return result === 0 ? 0 : -Errno.EAGAIN;
  }

  #take(): WalkStep | null {
    const { done, value } = this.#steps.next();
    return done === true ? null : (value as WalkStep);
  }

  protected override destroy(): void {
    this.#steps.return?.();
    const { structs, memory } = this.#machine;
    for (const object of [this.#seq, this.#meta, this.#context]) structs.free(object);
    memory.regions.remove(this.#region);
    memory.retire(this.#buffer);
    this.#program.put();
    this.#link.put();
  }
}
