import { Btf, BtfKind } from "../../../src/btf/index.ts";
import type { CaseAttach, CaseReference } from "./verifier-case.ts";

/** Finds by name what cases name of a kernel: its functions, variables and types. */
export class KernelTypes {
  readonly btf: Btf;

  constructor(bytes: Uint8Array) {
    this.btf = Btf.parse(bytes, { what: "vmlinux" });
  }

  /** The BTF id behind a reference that is no map; 0 where the kernel has none of this name. */
  id(reference: Exclude<CaseReference, { kind: "map" }>): number {
    switch (reference.kind) {
      case "kfunc":
        return this.btf.findByName(reference.name, BtfKind.FUNC);
      case "variable":
        return this.btf.findByName(reference.name, BtfKind.VAR);
      case "kernelType":
        return this.#typeNamed(reference.name);
    }
  }

  /** The BTF id of what a program is attached to, and the index of a struct_ops member. */
  attach(attach: CaseAttach): { readonly id: number; readonly member: number } {
    const id = this.btf.findByName(attach.name, BtfKind[attach.kind]);
    if (attach.member === null) return { id, member: 0 };
    const type = id === 0 ? null : this.btf.type(id);
    const member =
      type?.kind === "STRUCT" ? type.members.findIndex(({ name }) => name === attach.member) : -1;
    return { id, member };
  }

  #typeNamed(name: string): number {
    const match = /^(struct|union|enum) (.*)$/.exec(name);
    if (match === null) return this.btf.findByName(name);
    const kind = { struct: BtfKind.STRUCT, union: BtfKind.UNION, enum: BtfKind.ENUM }[match[1]!]!;
    return this.btf.findByName(match[2]!, kind);
  }
}
