import type { Btf } from "../../btf/index.ts";
import type { Environment } from "../environment/environment.ts";

/** Types of the kernel, or of a module, which continue the kernel's (`btf_is_kernel`). */
export function btfIsKernel(env: Environment, btf: Btf): boolean {
  const vmlinux = env.request.kernel.btf;
  return vmlinux !== null && (btf === vmlinux || btf.base === vmlinux);
}

/** The BTF that has the type itself: types of a base have the same id in all that continue it. */
function owner(btf: Btf, id: number): Btf {
  return btf.base !== null && id < btf.firstId ? btf.base : btf;
}

/** Both are the same type, maybe seen through different modules (`btf_types_are_same`). */
export function btfTypesAreSame(btf1: Btf, id1: number, btf2: Btf, id2: number): boolean {
  return id1 === id2 && (btf1 === btf2 || owner(btf1, id1) === owner(btf2, id2));
}
