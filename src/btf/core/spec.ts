import { enumeratorName } from "../decode.ts";
import { BtfKind, isComposite, isEnum } from "../kinds.ts";
import { CoreError } from "./error.ts";
import { CORE_RELO_NAMES, type CoreSubject, coreSubjectOf } from "./kinds.ts";
import type { CoreSide } from "./types.ts";

/** How many steps an access may have: `BPF_CORE_SPEC_MAX_LEN`. */
export const MAX_ACCESS = 64;

/** What a relocation record says: `struct bpf_core_relo` with its access string. */
export interface CoreAccess {
  /** Id of the local root type. */
  readonly typeId: number;
  /** `"0:1:2"`: array index, then members and array indices down to the field; `"0"` for a type. */
  readonly access: string;
  /** A `CoreReloKind`. */
  readonly kind: number;
}

/** One step that means something: a named member, or an array element. Anonymous members are passed through. */
export interface Accessor {
  /** The struct or union with the member; for an array element, the element's type. */
  readonly type: number;
  /** Position of the member or of the element; of the enumerator. */
  readonly index: number;
  /** `undefined` for an array element. */
  readonly name: string | undefined;
}

/** Where an access leads in one BTF. */
export interface CoreSpec {
  readonly side: CoreSide;
  /** The root type, not resolved. */
  readonly root: number;
  readonly kind: number;
  readonly subject: CoreSubject;
  readonly accessors: readonly Accessor[];
  /** The access string of this BTF as numbers: anonymous members count. Empty for a type. */
  readonly steps: readonly number[];
  /** From the start of the root type. */
  readonly bitOffset: number;
}

/** The relocation in words: `byte_off struct task_struct.pid (0:4)`; the path is known once the access is read. */
export function describeAccess(side: CoreSide, access: CoreAccess, path = ""): string {
  const kind = CORE_RELO_NAMES[access.kind] ?? `kind ${access.kind}`;
  const type = side.btf.has(access.typeId) ? side.describe(access.typeId) : `type [${access.typeId}]`;
  return `${kind} ${type}${path} (${access.access.slice(0, 100)})`;
}

/** The access in C: `.group.pid`, `[2].name`, `::VALUE`. */
export function pathOf(spec: CoreSpec): string {
  if (spec.subject === "enumerator") return `::${spec.accessors[0]!.name}`;
  let path = "";
  for (const [i, accessor] of spec.accessors.entries()) {
    if (accessor.name !== undefined) path += `.${accessor.name}`;
    else if (i > 0 || accessor.index > 0) path += `[${accessor.index}]`;
  }
  return path;
}

/**
 * Reads an access in the local BTF (`bpf_core_parse_spec`). Throws CoreError where the record contradicts its type.
 */
export function parseSpec(side: CoreSide, access: CoreAccess): CoreSpec {
  const fail = (problem: string) => new CoreError(describeAccess(side, access), problem);
  const { btf } = side;
  const { typeId: root, kind } = access;
  if (!btf.has(root)) throw fail(`expected a type id below ${btf.count}, got ${root}`);
  const subject = coreSubjectOf(kind);
  if (subject === undefined) throw fail("this kind of relocation is unknown");
  if (subject === "type") {
    if (access.access !== "0") throw fail(`expected the access "0", got ${JSON.stringify(access.access)}`);
    return { side, root, kind, subject, accessors: [], steps: [], bitOffset: 0 };
  }
  const steps = parseAccess(access.access, fail);
  const type = side.skip(root);
  const first = steps[0]!;
  if (subject === "enumerator") {
    if (!isEnum(btf.kind(type)) || steps.length > 1 || first >= btf.vlen(type)) {
      throw fail(`expected one of the ${btf.vlen(type)} values of an enum`);
    }
    const accessor = { type, index: first, name: enumeratorName(btf, type, first) };
    return { side, root, kind, subject, accessors: [accessor], steps, bitOffset: 0 };
  }
  return { side, root, kind, subject, steps, ...walkFields(side, type, steps, fail) };
}

function parseAccess(text: string, fail: (problem: string) => CoreError): number[] {
  if (text.length > MAX_ACCESS * 11 || !/^\d+(:\d+)*$/.test(text)) {
    throw fail(`expected numbers separated by colons, got ${JSON.stringify(text.slice(0, 100))}`);
  }
  const steps = text.split(":").map(Number);
  if (steps.length > MAX_ACCESS) throw fail(`expected at most ${MAX_ACCESS} steps, got ${steps.length}`);
  const large = steps.find((step) => step > 0x7fff_ffff);
  if (large !== undefined) throw fail(`expected steps below 2147483648, got ${large}`);
  return steps;
}

function walkFields(
  side: CoreSide,
  type: number,
  steps: readonly number[],
  fail: (problem: string) => CoreError,
): { accessors: Accessor[]; bitOffset: number } {
  const { btf } = side;
  const sizeOf = (id: number) => {
    const size = side.sizeOf(id);
    if (size < 0) throw fail(`${side.describe(id)} has no size`);
    return size;
  };
  const accessors: Accessor[] = [{ type, index: steps[0]!, name: undefined }];
  let bitOffset = steps[0]! * sizeOf(type) * 8;
  let id = type;
  for (const [i, step] of steps.entries()) {
    if (i === 0) continue;
    id = side.skip(id);
    if (isComposite(btf.kind(id))) {
      if (step >= btf.vlen(id)) {
        throw fail(`step ${i}: ${side.describe(id)} has ${btf.vlen(id)} members, no member ${step}`);
      }
      bitOffset += btf.memberBitOffset(id, step);
      const name = btf.memberName(id, step);
      if (name !== "") accessors.push({ type: id, index: step, name });
      id = btf.memberType(id, step);
    } else if (btf.kind(id) === BtfKind.ARRAY) {
      const element = side.skip(btf.elementType(id));
      if (step >= btf.elementCount(id) && !isFlexible(side, accessors.at(-1)!, id)) {
        throw fail(`step ${i}: the array has ${btf.elementCount(id)} elements, no element ${step}`);
      }
      accessors.push({ type: element, index: step, name: undefined });
      bitOffset += step * sizeOf(element) * 8;
      id = element;
    } else {
      throw fail(`step ${i}: ${side.describe(id)} has no members or elements`);
    }
  }
  if (bitOffset > 0xffff_ffff) throw fail(`expected an offset below 2^32 bits, got ${bitOffset}`);
  return { accessors, bitOffset };
}

/** True for an array of no elements that is the last member of its struct: any index is inside it. */
export function isFlexible(side: CoreSide, member: Accessor, array: number): boolean {
  return (
    member.name !== undefined &&
    side.btf.elementCount(array) === 0 &&
    member.index === side.btf.vlen(member.type) - 1
  );
}
