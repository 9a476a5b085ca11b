import { type Btf, type CoreAccess, CoreResolver, type CoreResult } from "../btf/index.ts";
import type { KernelTypes } from "./kernel-types.ts";

/** CO-RE relocations for a running kernel: its modules' types are read only where its own do not have what is asked for. */
export class KernelCoreResolver {
  readonly #local: Btf;
  readonly #types: KernelTypes;
  readonly #kernel: CoreResolver;
  #withModules: CoreResolver | undefined;

  constructor(local: Btf, types: KernelTypes) {
    this.#local = local;
    this.#types = types;
    this.#kernel = new CoreResolver(local, { kernel: { name: "vmlinux", btf: types.kernel() } });
  }

  resolve(access: CoreAccess): CoreResult {
    const result = this.#kernel.resolve(access);
    if (result.failure === "" || this.#types.modules().length === 0) return result;
    this.#withModules ??= new CoreResolver(this.#local, {
      kernel: { name: "vmlinux", btf: this.#types.kernel() },
      modules: this.#types.modules(),
    });
    return this.#withModules.resolve(access);
  }
}
