import { unreachable } from "../../base/index.ts";
import { type Insn, ProgramBuilder, REGISTERS, type Register } from "../../isa/index.ts";
import type { AccessWidth, AllowedAccess, FieldRewrite } from "./context.ts";
import {
  ax,
  borrowed,
  type Emission,
  emitStore,
  pathOffset,
  pathSize,
  type RewriteOptions,
  type RewriteSite,
  sizeName,
} from "./emission.ts";
import { emitSequence } from "./sequences.ts";

/**
 * The instructions that stand for an access to a context field, on the kernel's own object: those that Linux 6.18
 * emits on x86-64 (`convert_ctx_accesses` and the `convert_ctx_access` of the program type). The access itself, where
 * programs see the object as it is.
 */
export function rewriteAccess(
  allowed: AllowedAccess & { readonly field: NonNullable<AllowedAccess["field"]> },
  site: RewriteSite,
  options: RewriteOptions,
): Insn[] {
  const { insn, write, size, extend } = site;
  const { fieldSize, field } = allowed;
  if (field.rewrite.kind === "none") return [insn];
  const narrow = !write && size < fieldSize;
  const builder = new ProgramBuilder();
  const emission: Emission = {
    layout: options.layout,
    readsTimestampType: options.readsTimestampType,
    builder,
    site: narrow ? widened(site, fieldSize) : site,
    fieldSize,
    dst: REGISTERS[insn.dst]!,
    src: REGISTERS[insn.src]!,
  };
  const targetSize = emit(field.rewrite, emission);
  const { dst } = emission;
  if (narrow && size < targetSize) {
    const shift = (insn.off & (fieldSize - 1)) * 8;
    if (shift !== 0) fieldSize <= 4 ? builder.alu32("rsh", dst, shift) : builder.alu64("rsh", dst, shift);
    builder.alu32("and", dst, (2 ** (size * 8) - 1) | 0);
  }
  if (extend !== 0) builder.movsx64(extend, dst, dst);
  return builder.insns();
}

/** The read of the whole field, of which the program wants a part. */
function widened(site: RewriteSite, fieldSize: number): RewriteSite {
  const behind = site.insn.off & (fieldSize - 1);
  return { ...site, size: fieldSize as RewriteSite["size"], distance: site.distance - behind };
}

/** @returns Linux's `target_size`: the bytes that were loaded for the field. */
function emit(rewrite: Exclude<FieldRewrite, { kind: "none" }>, emission: Emission): number {
  const { builder, dst, src, layout, site } = emission;
  switch (rewrite.kind) {
    case "member": {
      const { path, size } = rewrite;
      const bytes = width(size, path, emission);
      const offset = pathOffset(layout, path) + (size === "own" ? site.distance : 0);
      if (site.write) emitStore(emission, sizeName(bytes), offset);
      else builder.ldx(sizeName(bytes), dst, src, offset);
      return target(size, bytes, emission);
    }
    case "follow":
      return site.write ? followForStore(rewrite, emission) : followForLoad(rewrite, emission);
    case "guarded":
      return site.write ? guardedStore(rewrite, emission) : guardedLoad(rewrite, emission);
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

function width(size: AccessWidth, path: string, { layout, site }: Emission): number {
  if (size === "own") return site.size;
  return size === "member" ? pathSize(layout, path) : size;
}

/** An access of the program's own size is one of a field as wide as the kernel's. */
function target(size: AccessWidth, bytes: number, { fieldSize }: Emission): number {
  return size === "own" ? fieldSize : bytes;
}

type Follow = Extract<FieldRewrite, { kind: "follow" }>;

function followForLoad(rewrite: Follow, emission: Emission): number {
  const { builder, dst, src, layout } = emission;
  let from = src;
  for (const [index, pointer] of rewrite.pointers.entries()) {
    builder.ldx("dw", dst, from, layout.offset(pointer));
    if (index === 0 && rewrite.nullTest) builder.branch("jeq", dst, 0, 1);
    from = dst;
  }
  const bytes = width(rewrite.size, rewrite.path, emission);
  builder.ldx(sizeName(bytes), dst, dst, memberOffset(rewrite, emission));
  if (rewrite.shift !== undefined) builder.alu32("lsh", dst, rewrite.shift);
  return target(rewrite.size, bytes, emission);
}

/** Neither register of a store is free: a third one is borrowed, and kept in the context meanwhile. */
function followForStore(rewrite: Follow, emission: Emission): number {
  const { layout } = emission;
  const bytes = width(rewrite.size, rewrite.path, emission);
  withBorrowed(rewrite.temporary!, emission, (register) => {
    let from = emission.dst;
    for (const pointer of rewrite.pointers) {
      emission.builder.ldx("dw", register, from, layout.offset(pointer));
      from = register;
    }
    emitStore(emission, sizeName(bytes), memberOffset(rewrite, emission), register);
  });
  return target(rewrite.size, bytes, emission);
}

function memberOffset({ path, indexed }: Follow, { layout, site }: Emission): number {
  return pathOffset(layout, path) + (indexed ? site.distance : 0);
}

function withBorrowed(temporary: string, emission: Emission, work: (register: Register) => void): void {
  const { builder, dst, src, layout } = emission;
  const register = borrowed([dst, src]);
  const kept = layout.offset(temporary);
  builder.stx("dw", dst, register, kept);
  work(register);
  builder.ldx("dw", register, dst, kept);
}

type Guarded = Extract<FieldRewrite, { kind: "guarded" }>;

/** `SOCK_OPS_GET_FIELD`, `SOCK_OPS_GET_SK`: where the load overwrites the context register, a third one is borrowed. */
function guardedLoad({ guard, pointer, path, temporary }: Guarded, emission: Emission): number {
  const { builder, dst, src, layout } = emission;
  const same = dst.number === src.number;
  const register = borrowed([dst, src]);
  const kept = layout.offset(temporary);
  const test = same ? register : dst;
  const loads = path === null ? 1 : 2;
  if (same) builder.stx("dw", src, register, kept);
  builder.ldx(sizeName(pathSize(layout, guard)), test, src, layout.offset(guard));
  builder.branch("jeq", test, 0, loads + (same ? 2 : 0));
  if (same) builder.ldx("dw", register, src, kept);
  builder.ldx("dw", dst, src, layout.offset(pointer));
  if (path !== null) builder.ldx(sizeName(pathSize(layout, path)), dst, dst, pathOffset(layout, path));
  // Where the pointer was not followed, the context register must not keep the context: the program takes it for data.
  if (same) builder.ja(2).ldx("dw", register, src, kept).mov64(dst, 0);
  return path === null ? 8 : pathSize(layout, path);
}

/** `SOCK_OPS_SET_FIELD` */
function guardedStore({ guard, pointer, path, temporary }: Guarded, emission: Emission): number {
  const { builder, dst, layout } = emission;
  const bytes = pathSize(layout, path!);
  withBorrowed(temporary, emission, (register) => {
    builder.ldx(sizeName(pathSize(layout, guard)), register, dst, layout.offset(guard));
    builder.branch("jeq", register, 0, 2);
    builder.ldx("dw", register, dst, layout.offset(pointer));
    emitStore(emission, sizeName(bytes), pathOffset(layout, path!), register);
  });
  return bytes;
}
