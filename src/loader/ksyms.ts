import { TsbpfError } from "../base/index.ts";
import { type Btf, BtfKind, essentialName, resolveType, typesAreCompatible } from "../btf/index.ts";
import type { ExternSpec, ObjectSpec } from "../object/index.ts";
import type { BpfCommands } from "../sys/index.ts";
import { kernelAddresses } from "./kallsyms.ts";
import type { KernelType, KernelTypes } from "./kernel-types.ts";

/** What an extern of `.ksyms` is on this kernel. */
export type KsymValue =
  /** A symbol without a type: its address. */
  | { readonly kind: "address"; readonly address: bigint }
  /** A variable or function that the kernel's types describe. */
  | { readonly kind: "type"; readonly type: KernelType }
  /** A weak one that there is not: 0, and calls of it are poisoned. */
  | { readonly kind: "missing" };

/** Finds the externs of `.ksyms`, by their index in the object; those of `.kconfig` are left out. */
export function resolveKsyms(
  spec: ObjectSpec,
  sys: BpfCommands,
  types: KernelTypes,
): ReadonlyMap<number, KsymValue> {
  const values = new Map<number, KsymValue>();
  const typeless = new Set<string>();
  for (const extern of spec.externs) {
    if (extern.kind === "ksymVariable" && extern.typeId === 0) typeless.add(extern.name);
  }
  const addresses = typeless.size === 0 ? new Map<string, bigint>() : kernelAddresses(sys, typeless);
  for (const [index, extern] of spec.externs.entries()) {
    if (extern.kind === "kconfig") continue;
    const value = extern.typeId === 0 ? addressOf(extern, addresses) : typeOf(extern, spec.btf!, types);
    if (value.kind === "missing" && !extern.weak) {
      const where = extern.typeId === 0 ? "among its symbols (/proc/kallsyms)" : "in its types (BTF)";
      throw new TsbpfError(`extern ${extern.name}: the kernel has no such name ${where}`);
    }
    values.set(index, value);
  }
  return values;
}

const MISSING: KsymValue = { kind: "missing" };

function addressOf(extern: ExternSpec, addresses: ReadonlyMap<string, bigint>): KsymValue {
  const address = addresses.get(extern.name);
  return address === undefined ? MISSING : { kind: "address", address };
}

function typeOf(extern: ExternSpec, local: Btf, types: KernelTypes): KsymValue {
  const isFunction = extern.kind === "ksymFunction";
  const name = isFunction ? essentialName(extern.name) : extern.name;
  const type = types.find(name, isFunction ? BtfKind.FUNC : BtfKind.VAR);
  if (type === null) return MISSING;
  // A FUNC refers to its prototype, a VAR to its type.
  const target = resolveType(type.btf, type.btf.ref(type.id));
  if (typesAreCompatible(local, extern.typeId, type.btf, target)) return { kind: "type", type };
  if (isFunction && extern.weak) return MISSING;
  throw new TsbpfError(
    `extern ${extern.name}: its type [${extern.typeId}] does not fit the kernel's, [${target}] of ${type.module?.name ?? "vmlinux"}`,
  );
}
