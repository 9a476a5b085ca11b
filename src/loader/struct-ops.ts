import { TsbpfError } from "../base/index.ts";
import { type Btf, BtfKind, KIND_NAMES, resolveType } from "../btf/index.ts";
import type { MapSpec, ObjectSpec } from "../object/index.ts";
import type { KernelType, KernelTypes } from "./kernel-types.ts";

const VALUE_PREFIX = "bpf_struct_ops_";

/** A struct_ops map as this kernel has it. */
export interface KernelStructOps {
  /** The kernel's type of the map's value: `struct bpf_struct_ops_NAME`. */
  readonly valueTypeId: number;
  readonly valueSize: number;
  readonly moduleFd: number | null;
  /** The value to attach it with, but for the programs' descriptors. */
  readonly value: Uint8Array;
  /** Where the descriptors go, by program. */
  readonly programs: readonly { readonly program: string; readonly offset: number }[];
}

/** What a struct_ops program is loaded for. */
export interface StructOpsTarget {
  readonly attachBtfId: number;
  /** Index of the member in the kernel's struct. */
  readonly member: number;
  readonly moduleFd: number | null;
}

/**
 * Lays the contents of the object's struct_ops maps out by the kernel's types (`bpf_map__init_kern_struct_ops`), and says
 * what each of their programs is for. Members that the kernel lacks must be 0.
 */
export function structOpsOf(
  spec: ObjectSpec,
  types: KernelTypes,
): { maps: Map<string, KernelStructOps>; programs: Map<string, StructOpsTarget>; unused: Set<string> } {
  const maps = new Map<string, KernelStructOps>();
  const programs = new Map<string, StructOpsTarget>();
  const unused = new Set<string>();
  for (const [key, map] of spec.maps) {
    if (map.structOps === null) continue;
    for (const { program } of map.structOps.members) unused.add(program);
    if (map.autocreate) maps.set(key, new StructOpsLayout(spec.btf!, map, types, programs).lay());
  }
  for (const program of programs.keys()) unused.delete(program);
  return { maps, programs, unused };
}

class StructOpsLayout {
  readonly #local: Btf;
  readonly #map: MapSpec;
  readonly #types: KernelTypes;
  readonly #targets: Map<string, StructOpsTarget>;

  constructor(local: Btf, map: MapSpec, types: KernelTypes, targets: Map<string, StructOpsTarget>) {
    this.#local = local;
    this.#map = map;
    this.#types = types;
    this.#targets = targets;
  }

  lay(): KernelStructOps {
    const { typeId, members } = this.#map.structOps!;
    const local = this.#local;
    const name = local.name(typeId).replace(/___.*$/s, "");
    const value = this.#find(`${VALUE_PREFIX}${name}`);
    const kernel = value.btf;
    const data = dataMember(kernel, value.id, name);
    if (data === null) throw this.#error(`struct ${VALUE_PREFIX}${name} of the kernel has no struct ${name}`);
    const bytes = new Uint8Array(kernel.size(value.id));
    const programs: { program: string; offset: number }[] = [];
    const byOffset = new Map(members.map((member) => [member.offset, member]));
    for (let i = 0, count = local.vlen(typeId); i < count; i++) {
      const memberName = local.memberName(typeId, i);
      const offset = local.memberBitOffset(typeId, i) / 8;
      const type = local.memberType(typeId, i);
      const size = local.sizeOf(resolveType(local, type));
      if (size < 0 || !Number.isInteger(offset))
        throw this.#error(`member ${memberName}: expected one at whole bytes`);
      const contents = this.#map.contents!.subarray(offset, offset + size);
      const program = byOffset.get(offset)?.program;
      const target = memberNamed(kernel, data.type, memberName);
      if (target < 0) {
        // A callback that this kernel cannot call is left out, and its program not loaded.
        if (contents.some((byte) => byte !== 0))
          throw this.#error(`the kernel's struct ${name} has no member ${memberName}`);
        continue;
      }
      this.#checkMember(kernel, data.type, target, type, memberName, i);
      const at = data.offset + kernel.memberBitOffset(data.type, target) / 8;
      if (program !== undefined) {
        programs.push({ program, offset: at });
        this.#aim(program, { attachBtfId: data.type, member: target, moduleFd: value.module?.fd ?? null });
      } else if (local.kind(resolveType(local, type)) !== BtfKind.PTR) {
        if (kernel.sizeOf(resolveType(kernel, kernel.memberType(data.type, target))) !== size) {
          throw this.#error(`member ${memberName}: expected the kernel's size, got ${size}`);
        }
        bytes.set(contents, at);
      }
    }
    return {
      valueTypeId: value.id,
      valueSize: bytes.length,
      moduleFd: value.module?.fd ?? null,
      value: bytes,
      programs,
    };
  }

  #find(name: string): KernelType {
    const found = this.#types.find(name, BtfKind.STRUCT);
    if (found === null) throw this.#error(`the kernel has no struct ${name}: it lacks this struct_ops`);
    return found;
  }

  #checkMember(kernel: Btf, struct: number, member: number, type: number, name: string, index: number): void {
    const local = this.#local;
    if (
      kernel.memberBitSize(struct, member) !== 0 ||
      local.memberBitSize(this.#map.structOps!.typeId, index) !== 0
    ) {
      throw this.#error(`member ${name}: bit fields are not supported`);
    }
    const own = local.kind(resolveType(local, type));
    const theirs = kernel.kind(resolveType(kernel, kernel.memberType(struct, member)));
    if (own !== theirs)
      throw this.#error(
        `member ${name}: expected ${KIND_NAMES[theirs]} as in the kernel, got ${KIND_NAMES[own]}`,
      );
  }

  /** One program may serve several maps, but only as the same member of the same struct. */
  #aim(program: string, target: StructOpsTarget): void {
    const known = this.#targets.get(program);
    if (known !== undefined && (known.attachBtfId !== target.attachBtfId || known.member !== target.member)) {
      throw this.#error(`program ${program} is already another member`);
    }
    this.#targets.set(program, target);
  }

  #error(problem: string): TsbpfError {
    return new TsbpfError(`struct_ops: ${problem}`);
  }
}

function dataMember(btf: Btf, value: number, name: string): { type: number; offset: number } | null {
  for (let i = 0, count = btf.vlen(value); i < count; i++) {
    const type = resolveType(btf, btf.memberType(value, i));
    if (btf.kind(type) === BtfKind.STRUCT && btf.name(type) === name) {
      return { type, offset: btf.memberBitOffset(value, i) / 8 };
    }
  }
  return null;
}

function memberNamed(btf: Btf, struct: number, name: string): number {
  for (let i = 0, count = btf.vlen(struct); i < count; i++) if (btf.memberName(struct, i) === name) return i;
  return -1;
}
