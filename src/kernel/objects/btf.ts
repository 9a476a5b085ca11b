import { Btf } from "../../btf/index.ts";
import { parseStructMetas, type StructMetas } from "../../verifier/index.ts";
import type { IdTable } from "../id-table.ts";
import { KernelObject } from "./kernel-object.ts";

/** A BTF that was loaded, or the kernel's own. */
export class KernelBtf extends KernelObject {
  readonly kind = "btf";
  readonly bytes: Uint8Array;
  readonly name: string;
  /** True for vmlinux and modules, false for what a process loaded. */
  readonly kernelBtf: boolean;
  readonly #table: IdTable<KernelBtf>;
  #parsed: Btf | undefined;
  #structMetas: StructMetas | undefined;

  constructor(
    table: IdTable<KernelBtf>,
    bytes: Uint8Array,
    options: { readonly name?: string; readonly kernelBtf?: boolean; readonly parsed?: Btf } = {},
  ) {
    super(table.allocate());
    this.#table = table;
    this.bytes = bytes;
    this.name = options.name ?? "";
    this.kernelBtf = options.kernelBtf ?? false;
    this.#parsed = options.parsed;
    table.add(this);
  }

  get types(): Btf {
    return (this.#parsed ??= Btf.parse(this.bytes));
  }

  /** Its structs with special fields. */
  structMetas(kernel: readonly Btf[]): StructMetas {
    return (this.#structMetas ??= parseStructMetas(this.types, kernel));
  }

  protected override destroy(): void {
    this.#table.remove(this.id);
  }
}
