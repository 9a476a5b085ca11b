/** What descriptors refer to. */
export type ObjectKind =
  | "map"
  | "prog"
  | "btf"
  | "link"
  // A perf event, the output of an iterator, the switch of run statistics.
  | "perf"
  | "iter"
  | "stats"
  // What programs are attached to.
  | "cgroup"
  | "netns"
  | "socket";

/**
 * Something with an id and a reference count: a map, a program, a BTF, a link. It lives as long as a descriptor, a pin
 * or another object refers to it, as in Linux.
 */
export abstract class KernelObject {
  abstract readonly kind: ObjectKind;
  readonly id: number;
  #references = 1;

  constructor(id: number) {
    this.id = id;
  }

  get references(): number {
    return this.#references;
  }

  /** One more user. */
  get(): this {
    this.#references++;
    return this;
  }

  /** One user less; the last one destroys the object. */
  put(): void {
    if (--this.#references === 0) this.destroy();
  }

  /** A descriptor or a pin begins to refer to it. */
  getUser(): this {
    return this.get();
  }

  /** A descriptor or a pin that referred to it ends. */
  putUser(): void {
    this.put();
  }

  protected abstract destroy(): void;
}
