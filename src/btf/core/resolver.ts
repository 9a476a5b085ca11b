import { BtfKind, IntEncoding } from "../kinds.ts";
import type { Btf } from "../model.ts";
import { CandidateIndex } from "./candidates.ts";
import { CoreError } from "./error.ts";
import { CoreReloKind } from "./kinds.ts";
import { isMismatch, matchSpec } from "./match.ts";
import { type CoreAccess, type CoreSpec, describeAccess, parseSpec, pathOf } from "./spec.ts";
import { Budget, CoreSide } from "./types.ts";
import { type CoreValue, coreValue } from "./value.ts";

/** A BTF to relocate against. */
export interface CoreTarget {
  /** For messages: `"vmlinux"`, a module's name. */
  readonly name: string;
  readonly btf: Btf;
}

/** What to relocate against: the kernel's types, then the modules' where the kernel has no candidate. */
export interface CoreTargets {
  readonly kernel: CoreTarget;
  readonly modules?: readonly CoreTarget[];
}

/** Where a relocation was resolved. */
export interface CoreMatch {
  readonly target: string;
  /** Id of the candidate in that target. */
  readonly typeId: number;
  /** The field in C: `"task_struct.pid"`. */
  readonly path: string;
  /** The access in the candidate by position, as in an access string: `[0, 3, 1]`; empty for a type. */
  readonly steps: readonly number[];
}

/** `struct bpf_core_relo_res`: what to put into an instruction, and what has to be there now. */
export interface CoreResult {
  /** A `CoreReloKind`. */
  readonly kind: number;
  /** What the compiler computed from the local types; unsigned 64 bits. */
  readonly original: bigint;
  /** What it is in the target; unsigned 64 bits. */
  readonly value: bigint;
  /** Nothing to relocate to: the instruction becomes an invalid one, which only dead code may keep. */
  readonly poison: boolean;
  /** Whether the instruction must hold `original`. */
  readonly validate: boolean;
  /** Bytes of the field, for its offset: a load or store of `originalSize` has to become one of `size`. Else 0. */
  readonly originalSize: number;
  readonly size: number;
  /** The sizes differ and the types do not allow a load of the other size: signed integers, structs … */
  readonly sizeConflict: boolean;
  /** The (first) type it was resolved in; null where none fits or none was searched for. */
  readonly match: CoreMatch | null;
  /** Why there is no match, with all candidates considered; empty where there is one. */
  readonly failure: string;
}

interface Candidate {
  readonly target: CoreTarget;
  readonly side: CoreSide;
  readonly id: number;
}

interface Target extends CoreTarget {
  readonly side: CoreSide;
  readonly firstId: number;
  index: CandidateIndex | undefined;
}

/**
 * Calculates CO-RE relocations of one object, as libbpf does: which value each access of the object's own types has in
 * the types of a target kernel.
 *
 * Candidates of a local type are looked for once and then narrowed to those that fitted, so the order of the calls
 * can matter where a target has several types of a name: call in the order of the records.
 */
export class CoreResolver {
  readonly #local: CoreSide;
  readonly #kernel: Target;
  readonly #modules: readonly Target[];
  readonly #candidates = new Map<number, readonly Candidate[]>();

  constructor(local: Btf, targets: CoreTargets) {
    this.#local = new CoreSide(local);
    const target = ({ name, btf }: CoreTarget, firstId: number): Target => ({
      name,
      btf,
      side: new CoreSide(btf),
      firstId,
      index: undefined,
    });
    this.#kernel = target(targets.kernel, 1);
    this.#modules = (targets.modules ?? []).map((module) => target(module, module.btf.firstId));
  }

  /**
   * Calculates one relocation. Throws CoreError for a record that contradicts its types and for candidates that
   * disagree; a target that merely lacks the type or field is no error but a result: `poison`, or the value 0.
   */
  resolve(access: CoreAccess): CoreResult {
    const local = parseSpec(this.#local, access);
    const subject = describeAccess(this.#local, access, pathOf(local));
    if (access.kind === CoreReloKind.TYPE_ID_LOCAL) {
      const value = BigInt(access.typeId);
      return { ...NOTHING, kind: access.kind, original: value, value, validate: false };
    }
    if (this.#local.btf.name(access.typeId) === "") {
      throw new CoreError(subject, "anonymous types have no candidates in a target");
    }
    const original = coreValue(local, access.kind, subject)!;
    const candidates = this.#candidatesOf(access.typeId);
    const fitting: { candidate: Candidate; spec: CoreSpec; result: CoreResult }[] = [];
    const reasons: string[] = [];
    const budget = new Budget();
    for (const candidate of candidates) {
      const spec = matchSpec(local, candidate.side, candidate.id, budget);
      if (isMismatch(spec)) {
        reasons.push(`[${candidate.id}] ${candidate.side.describe(candidate.id)} ${spec.reason}`);
        continue;
      }
      const result = this.#result(access.kind, original, local, { candidate, spec }, subject);
      const first = fitting[0];
      if (first !== undefined) checkAgreement(first, { candidate, spec, result }, subject);
      fitting.push({ candidate, spec, result });
    }
    if (fitting.length > 0) {
      this.#candidates.set(
        access.typeId,
        fitting.map(({ candidate }) => candidate),
      );
      return fitting[0]!.result;
    }
    return this.#notFound(access, original, reasons, subject);
  }

  #notFound(
    access: CoreAccess,
    original: CoreValue,
    reasons: readonly string[],
    subject: string,
  ): CoreResult {
    const none = coreValue(null, access.kind, subject);
    const where = [this.#kernel, ...this.#modules].map((target) => target.name).join(", ");
    const candidates =
      reasons.length === 0
        ? `no ${this.#local.describe(access.typeId).replace(/___.*/, "")} in ${where}`
        : `not found in ${where}: ${reasons.join("; ")}`;
    return {
      ...NOTHING,
      kind: access.kind,
      original: original.value,
      value: none?.value ?? 0n,
      poison: none === null,
      validate: original.validate,
      originalSize: original.size,
      failure: `${subject}: ${candidates}`,
    };
  }

  #result(
    kind: number,
    original: CoreValue,
    local: CoreSpec,
    { candidate, spec }: { candidate: Candidate; spec: CoreSpec },
    subject: string,
  ): CoreResult {
    const found = coreValue(spec, kind, subject)!;
    return {
      kind,
      original: original.value,
      value: found.value,
      poison: false,
      validate: original.validate,
      originalSize: original.size,
      size: found.size,
      sizeConflict:
        original.size !== found.size && !resizable(local.side, original.type, spec.side, found.type),
      match: {
        target: candidate.target.name,
        typeId: candidate.id,
        path: `${candidate.side.btf.name(candidate.id)}${pathOf(spec)}`,
        steps: spec.steps,
      },
      failure: "",
    };
  }

  /** `bpf_core_find_cands`: the kernel's types of that name; the modules' only where it has none. */
  #candidatesOf(typeId: number): readonly Candidate[] {
    const known = this.#candidates.get(typeId);
    if (known !== undefined) return known;
    const name = this.#local.btf.name(typeId);
    const kind = this.#local.btf.kind(typeId);
    const search = (target: Target): Candidate[] => {
      target.index ??= new CandidateIndex(target.side, target.firstId);
      return target.index.find(name, kind).map((id) => ({ target, side: target.side, id }));
    };
    let found = search(this.#kernel);
    if (found.length === 0) found = this.#modules.flatMap(search);
    this.#candidates.set(typeId, found);
    return found;
  }
}

const NOTHING = {
  poison: false,
  validate: true,
  originalSize: 0,
  size: 0,
  sizeConflict: false,
  match: null,
  failure: "",
} as const;

/** Pointers and unsigned integers keep their value when loaded in another size; nothing else does. */
function resizable(local: CoreSide, localType: number, target: CoreSide, targetType: number): boolean {
  const kind = local.btf.kind(localType);
  if (kind !== target.btf.kind(targetType)) return false;
  if (kind === BtfKind.PTR) return true;
  const encoding = (side: CoreSide, id: number) => (side.btf.intInfo(id) >>> 24) & 0xf;
  return (
    kind === BtfKind.INT &&
    encoding(local, localType) !== IntEncoding.SIGNED &&
    encoding(target, targetType) !== IntEncoding.SIGNED
  );
}

/** All candidates that fit must say the same: nobody could tell which of them the kernel means. */
function checkAgreement(
  first: { spec: CoreSpec; result: CoreResult; candidate: Candidate },
  other: { spec: CoreSpec; result: CoreResult; candidate: Candidate },
  subject: string,
): void {
  const name = ({ candidate }: { candidate: Candidate }) =>
    `[${candidate.id}] ${candidate.side.describe(candidate.id)} of ${candidate.target.name}`;
  if (first.spec.bitOffset !== other.spec.bitOffset) {
    throw new CoreError(
      subject,
      `ambiguous: bit offset ${first.spec.bitOffset} in ${name(first)}, ${other.spec.bitOffset} in ${name(other)}`,
    );
  }
  if (first.result.value !== other.result.value) {
    throw new CoreError(
      subject,
      `ambiguous: ${first.result.value} in ${name(first)}, ${other.result.value} in ${name(other)}`,
    );
  }
}
