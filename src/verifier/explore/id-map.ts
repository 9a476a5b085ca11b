import { MAX_BPF_REG, MAX_CALL_FRAMES, MAX_STACK, REG_SIZE } from "../state/limits.ts";

/** `BPF_ID_MAP_SIZE` */
const SIZE = (MAX_BPF_REG + MAX_STACK / REG_SIZE) * MAX_CALL_FRAMES;

/** Which id of the current state stands for which of a cached one, during one comparison (`struct bpf_idmap`). */
export class IdMap {
  readonly #old = new Uint32Array(SIZE);
  readonly #current = new Uint32Array(SIZE);
  #count = 0;
  #temporary = 0;

  /** @param idGen the last id that is in use (`reset_idmap_scratch`) */
  reset(idGen: number): void {
    this.#count = 0;
    this.#temporary = idGen;
  }

  /**
   * Whether `current` stands for `old`: nothing else stood for it before, and it for nothing else; both or neither
   * are 0 (`check_ids`).
   */
  matches(old: number, current: number): boolean {
    if (old === 0 || current === 0) return old === current;
    old >>>= 0;
    current >>>= 0;
    const count = this.#count;
    for (let i = 0; i < count; i++) {
      if (this.#old[i] === old) return this.#current[i] === current;
      if (this.#current[i] === current) return false;
    }
    if (count === SIZE) return false;
    this.#old[count] = old;
    this.#current[count] = current;
    this.#count = count + 1;
    return true;
  }

  /**
   * As {@link matches}, for scalars (`check_scalar_ids`, as 6.18.y has it): one that was linked with nothing may be
   * linked now, which only tells more. One that is linked with nothing is like no other.
   */
  matchesScalar(old: number, current: number): boolean {
    if (old === 0) return true;
    return this.matches(old, current === 0 ? ++this.#temporary : current);
  }
}
