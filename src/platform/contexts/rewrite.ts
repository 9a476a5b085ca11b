import { unreachable } from "../../base/index.ts";
import { type Insn, ProgramBuilder, REGISTERS } from "../../isa/index.ts";
import type { AllowedAccess, FieldRewrite } from "./context.ts";
import {
  ax,
  type Emission,
  emitStore,
  pathOffset,
  type RewriteOptions,
  type RewriteSite,
  sizeName,
} from "./emission.ts";
import { emitSequence } from "./sequences.ts";

/**
 * The instructions that stand for an access to a context field, on the kernel's own object: those that Linux 6.18
 * emits on x86-64 (`convert_ctx_accesses` and the `convert_ctx_access` of the program type).
 */
export function rewriteAccess(
  allowed: AllowedAccess & { readonly field: NonNullable<AllowedAccess["field"]> },
  site: RewriteSite,
  options: RewriteOptions,
): Insn[] {
  const { insn, write, size, extend } = site;
  const builder = new ProgramBuilder();
  const emission: Emission = {
    layout: options.layout,
    readsTimestampType: options.readsTimestampType,
    builder,
    site,
    dst: REGISTERS[insn.dst]!,
    src: REGISTERS[insn.src]!,
  };
  const targetSize = emit(allowed.field.rewrite, emission);
  const { dst } = emission;
  if (!write && size < allowed.fieldSize && size < targetSize) {
    const shift = (insn.off & (allowed.fieldSize - 1)) * 8;
    if (shift !== 0) builder.alu32("rsh", dst, shift);
    builder.alu32("and", dst, 2 ** (size * 8) - 1);
  }
  if (extend !== 0) builder.movsx64(extend, dst, dst);
  return builder.insns();
}

/** @returns Linux's `target_size`: the bytes that were loaded for the field. */
function emit(rewrite: FieldRewrite, emission: Emission): number {
  const { builder, dst, src, layout, site } = emission;
  switch (rewrite.kind) {
    case "member": {
      const own = rewrite.size === undefined;
      const name = sizeName(rewrite.size ?? site.size);
      const offset = pathOffset(layout, rewrite.path) + (own ? site.distance : 0);
      if (site.write) emitStore(emission, name, offset);
      else builder.ldx(name, dst, src, offset);
      return rewrite.size ?? 0;
    }
    case "follow": {
      let from = src;
      for (const [index, pointer] of rewrite.pointers.entries()) {
        builder.ldx("dw", dst, from, layout.offset(pointer));
        if (index === 0 && rewrite.nullTest) builder.branch("jeq", dst, 0, 1);
        from = dst;
      }
      const distance = rewrite.indexed ? site.distance : 0;
      builder.ldx(sizeName(rewrite.size), dst, dst, layout.offset(rewrite.path) + distance);
      if (rewrite.shift !== undefined) builder.alu32("lsh", dst, rewrite.shift);
      return rewrite.size;
    }
    case "bits": {
      const { offset, mask, shift } = layout.field(rewrite.path);
      builder.ldx("b", dst, src, offset).alu32("and", dst, mask);
      if (shift !== 0) builder.alu32("rsh", dst, shift);
      return 1;
    }
    case "sharedInfo":
      builder.ldx("w", ax, src, layout.offset("sk_buff.end"));
      builder.ldx("dw", dst, src, layout.offset("sk_buff.head"));
      builder.alu64("add", dst, ax);
      builder.ldx(sizeName(rewrite.size), dst, dst, layout.offset(rewrite.path));
      return rewrite.size;
    case "sequence":
      return emitSequence(rewrite.name, emission);
    default:
      return unreachable(rewrite);
  }
}
