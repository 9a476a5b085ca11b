import { enumeratorName } from "../decode.ts";
import { BtfKind, isComposite, isEnum } from "../kinds.ts";
import { fieldsCompatible, typesCompatible, typesMatch } from "./compat.ts";
import { CoreReloKind } from "./kinds.ts";
import { essentialName } from "./names.ts";
import { type Accessor, type CoreSpec, isFlexible, MAX_ACCESS } from "./spec.ts";
import type { Budget, CoreSide } from "./types.ts";

/** Why a candidate is not it: `"has no member 'pid'"`. */
export interface Mismatch {
  readonly reason: string;
}

export function isMismatch(result: CoreSpec | Mismatch): result is Mismatch {
  return "reason" in result;
}

/**
 * Follows a local access in a candidate type of the target (`bpf_core_spec_match`). Throws FormatError where types of
 * the target nest too deep.
 */
export function matchSpec(
  local: CoreSpec,
  target: CoreSide,
  candidate: number,
  budget: Budget,
): CoreSpec | Mismatch {
  switch (local.subject) {
    case "type":
      return matchType(local, target, candidate, budget);
    case "enumerator":
      return matchEnumerator(local, target, candidate, budget);
    case "field":
      return new FieldMatch(local, target, candidate, budget).run();
  }
}

function matchType(
  local: CoreSpec,
  target: CoreSide,
  candidate: number,
  budget: Budget,
): CoreSpec | Mismatch {
  const { side, root, kind } = local;
  if (kind === CoreReloKind.TYPE_MATCHES) {
    if (!typesMatch(side, root, target, candidate, budget)) {
      return { reason: "does not match the local definition" };
    }
  } else if (!typesCompatible(side, root, target, candidate, budget)) {
    return { reason: "is another kind of type than the local one" };
  }
  return { ...local, side: target, root: candidate };
}

function matchEnumerator(
  local: CoreSpec,
  target: CoreSide,
  candidate: number,
  budget: Budget,
): CoreSpec | Mismatch {
  const { btf } = target;
  const type = target.skip(candidate);
  if (!isEnum(btf.kind(type))) return { reason: "is no enum" };
  const wanted = essentialName(local.accessors[0]!.name!);
  for (let index = 0, count = btf.vlen(type); index < count; index++) {
    const name = enumeratorName(btf, type, index);
    budget.spend(target, type, name.length);
    if (essentialName(name) === wanted) {
      return { ...local, side: target, root: candidate, accessors: [{ type, index, name }], steps: [index] };
    }
  }
  return { reason: `has no value '${wanted}'` };
}

/** One walk through a candidate: by names where the local access goes by position. */
class FieldMatch {
  readonly #local: CoreSpec;
  readonly #target: CoreSide;
  readonly #candidate: number;
  readonly #budget: Budget;
  readonly #accessors: Accessor[] = [];
  #bitOffset = 0;
  /** Positions so far, those of anonymous members included. */
  readonly #steps: number[] = [];

  constructor(local: CoreSpec, target: CoreSide, candidate: number, budget: Budget) {
    this.#local = local;
    this.#target = target;
    this.#candidate = candidate;
    this.#budget = budget;
  }

  run(): CoreSpec | Mismatch {
    let type = this.#candidate;
    for (const [i, accessor] of this.#local.accessors.entries()) {
      type = this.#target.skip(type);
      const next =
        accessor.name === undefined ? this.#element(accessor, type, i) : this.#member(accessor, type);
      if (typeof next !== "number") return next;
      type = next;
    }
    if (this.#bitOffset > 0xffff_ffff) return { reason: "is larger than 2^32 bits" };
    return {
      ...this.#local,
      side: this.#target,
      root: this.#candidate,
      accessors: this.#accessors,
      steps: this.#steps,
      bitOffset: this.#bitOffset,
    };
  }

  #element(accessor: Accessor, type: number, position: number): number | Mismatch {
    const { btf } = this.#target;
    if (position > 0) {
      if (btf.kind(type) !== BtfKind.ARRAY) return { reason: `has no array at '${this.#path()}'` };
      const inside = accessor.index < btf.elementCount(type);
      if (!inside && !isFlexible(this.#target, this.#accessors.at(-1)!, type)) {
        return {
          reason: `has ${btf.elementCount(type)} elements at '${this.#path()}', no element ${accessor.index}`,
        };
      }
      type = this.#target.skip(btf.elementType(type));
    }
    this.#step(type, accessor.index);
    const size = this.#target.sizeOf(type);
    if (size < 0) throw btf.error(type, `${this.#target.describe(type)} has no size`);
    this.#accessors.push({ type, index: accessor.index, name: undefined });
    this.#bitOffset += accessor.index * size * 8;
    return type;
  }

  #member(accessor: Accessor, type: number): number | Mismatch {
    const found = this.#find(accessor, type);
    if (found !== undefined) return found;
    const path = this.#path();
    return { reason: `has no member '${accessor.name}'${path === "" ? "" : ` in '${path}'`}` };
  }

  /** Searches a struct and the anonymous ones inside it; the type of the member that was found. */
  #find(accessor: Accessor, composite: number): number | Mismatch | undefined {
    const target = this.#target;
    const { btf } = target;
    const type = target.skip(composite);
    if (!isComposite(btf.kind(type))) return undefined;
    for (let index = 0, count = btf.vlen(type); index < count; index++) {
      const name = btf.memberName(type, index);
      this.#budget.spend(target, type, name.length);
      if (name !== "" && name !== accessor.name) continue;
      const memberType = btf.memberType(type, index);
      const offset = btf.memberBitOffset(type, index);
      this.#step(type, index);
      this.#bitOffset += offset;
      if (name === "") {
        const found = this.#find(accessor, memberType);
        if (found !== undefined) return found;
        this.#bitOffset -= offset;
        this.#steps.pop();
        continue;
      }
      const localType = this.#local.side.btf.memberType(accessor.type, accessor.index);
      if (!fieldsCompatible(this.#local.side, localType, target, memberType, this.#budget)) {
        const expected = this.#local.side.describe(this.#local.side.skip(localType));
        const got = target.describe(target.skip(memberType));
        return { reason: `has a member '${name}' of another type: expected ${expected}, got ${got}` };
      }
      this.#accessors.push({ type, index, name });
      return memberType;
    }
    return undefined;
  }

  #step(type: number, position: number): void {
    if (this.#steps.length === MAX_ACCESS) {
      throw this.#target.btf.error(type, `expected at most ${MAX_ACCESS} nested types`);
    }
    this.#steps.push(position);
  }

  #path(): string {
    return this.#accessors
      .map(({ name, index }, i) => (name !== undefined ? `.${name}` : i > 0 ? `[${index}]` : ""))
      .join("")
      .replace(/^\./, "");
  }
}
