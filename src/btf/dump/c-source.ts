import { utf8 } from "../../base/index.ts";
import { BtfKind } from "../kinds.ts";
import type { Btf } from "../model.ts";
import type { BtfTables } from "../view.ts";
import { WalkBounds } from "./bounds.ts";
import { Declarations } from "./c-declare.ts";
import { C_FORMATS } from "./c-formats.ts";
import { DefinitionOrder } from "./c-order.ts";
import { addSorted } from "./c-sort.ts";
import { type ByteSink, LineWriter } from "./line-format.ts";

/** How {@link dumpC} writes. */
export interface CDumpOptions {
  /** The types to define, with all they need; all types without it. */
  readonly roots?: readonly number[];
  /** Sorts by kind and name, as bpftool does since 7.5; `false` keeps the order of ids. Default true. */
  readonly sorted?: boolean;
  /**
   * Whose header: 7.1 (of Debian 12) declares no kernel functions and says nothing of an enum's size.
   * Default `"7.8"`.
   */
  readonly bpftool?: "7.1" | "7.8";
}

const NOT_EMITTED = 0;
const EMITTING = 1;
const EMITTED = 2;

const PREAMBLE = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

`;

const PREAMBLE_KFUNCS = `#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

#ifndef __bpf_fastcall
#if __has_attribute(bpf_fastcall)
#define __bpf_fastcall __attribute__((bpf_fastcall))
#else
#define __bpf_fastcall
#endif
#endif

`;

const POSTAMBLE = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

const VA_LIST = utf8("__builtin_va_list");

/** Types of GCC's that Arm headers refer to, and what C knows them as. */
const ALIASES: readonly (readonly [name: Uint8Array, type: string])[] = [
  [utf8("__Poly8_t"), "unsigned char"],
  [utf8("__Poly16_t"), "unsigned short"],
  [utf8("__Poly64_t"), "unsigned long long"],
  [utf8("__Poly128_t"), "unsigned __int128"],
];

/**
 * Writes types as a C header that compiles, as `bpftool btf dump … format c` does.
 * Throws FormatError for types that C cannot define, after what was written before them.
 */
export function dumpC(btf: Btf, sink: ByteSink, options: CDumpOptions = {}): void {
  new CSource(btf, sink, options).write();
}

class CSource {
  private readonly btf: Btf;
  private readonly options: CDumpOptions;
  private readonly tables: BtfTables;
  private readonly words: Uint32Array;
  private readonly index: Uint32Array;
  private readonly out: LineWriter;
  private readonly bounds: WalkBounds;
  private readonly declarations: Declarations;
  private readonly states: Uint8Array;
  private readonly forwarded: Uint8Array;
  /** 1 for each type that needs nothing more before a definition that refers to it. */
  private readonly settled: Uint8Array;

  constructor(btf: Btf, sink: ByteSink, options: CDumpOptions) {
    const tables = btf.tables();
    this.btf = btf;
    this.options = options;
    this.tables = tables;
    this.words = tables.words;
    this.index = tables.index;
    this.out = new LineWriter(tables.words, tables.strings, C_FORMATS, "", sink);
    this.bounds = new WalkBounds(btf, tables.words.length);
    this.declarations = new Declarations(
      btf,
      tables,
      this.out,
      this.bounds,
      options.bpftool === "7.1"
        ? { enumModes: false, attributes: false }
        : { enumModes: true, attributes: true },
    );
    this.states = new Uint8Array(btf.count);
    this.states[0] = EMITTED;
    this.forwarded = new Uint8Array(btf.count);
    this.settled = new Uint8Array(btf.count);
    this.settled[0] = 1;
  }

  write(): void {
    const { roots, sorted, bpftool } = this.options;
    const current = bpftool !== "7.1";
    try {
      this.out.text(PREAMBLE);
      if (current) this.out.text(PREAMBLE_KFUNCS);
      const order = new DefinitionOrder(this.btf, this.tables, this.bounds);
      try {
        if (roots !== undefined) this.orderRoots(order, roots);
        else if (sorted === false) order.addAll(allTypes(this.btf.count), 1);
        else addSorted(order, this.tables);
      } finally {
        // What comes before a type that cannot be defined is written.
        for (let i = 0; i < order.length; i++) this.emit(order.queue[i]!, 0);
      }
      if (current && roots === undefined) this.kernelFunctions();
      this.out.text(POSTAMBLE);
    } finally {
      this.out.finish();
    }
  }

  private orderRoots(order: DefinitionOrder, roots: readonly number[]): void {
    for (const id of roots) {
      if (!this.btf.has(id)) {
        throw this.btf.error(0, `expected a type id below ${this.btf.count}, got ${id}`);
      }
      order.add(id);
    }
  }

  /**
   * Writes a definition, or, for a `container` other than 0, what must stand before the definition of this struct or
   * typedef, which refers to the type. Returns 1 where nothing more will be needed before any definition.
   */
  private emit(id: number, container: number): number {
    const { words, index, states } = this;
    for (;;) {
      const state = states[id]!;
      if (state === EMITTED) return 1;
      const at = index[id]!;
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 0x1f;
      if (state === EMITTING) return this.emitAgain(id, at, kind, container);
      this.bounds.step(id);
      switch (kind) {
        case BtfKind.PTR:
        case BtfKind.VOLATILE:
        case BtfKind.CONST:
        case BtfKind.RESTRICT:
        case BtfKind.TYPE_TAG:
          id = words[at + 2]!;
          break;
        case BtfKind.ARRAY:
          id = words[at + 3]!;
          break;
        case BtfKind.STRUCT:
        case BtfKind.UNION:
          return this.emitComposite(id, at, info & 0xffff, container);
        case BtfKind.TYPEDEF:
          return this.emitTypedef(id, words[at + 2]!);
        case BtfKind.FUNC_PROTO:
          return this.emitPrototype(id, at, info & 0xffff, container);
        default:
          return this.emitSimple(id, kind, container);
      }
    }
  }

  /** Types that refer to no others. */
  private emitSimple(id: number, kind: number, container: number): number {
    if (kind === BtfKind.INT) {
      this.emitAlias(id);
    } else if (kind === BtfKind.FWD) {
      this.declarations.forward(id);
      this.declarations.finish();
    } else if (kind === BtfKind.ENUM || kind === BtfKind.ENUM64) {
      if (container === 0) {
        this.declarations.enumeration(id, 0);
        this.declarations.finish();
      }
    } else return 1;
    this.states[id] = EMITTED;
    return 1;
  }

  /** A type that is met inside its own definition: a forward declaration serves. */
  private emitAgain(id: number, at: number, kind: number, container: number): number {
    if (this.forwarded[id] === 1) return 1;
    if (kind === BtfKind.TYPEDEF) {
      if (!this.declarations.isNamed(id, VA_LIST)) {
        this.declarations.typedef(id);
        this.declarations.finish();
      }
    } else if (id !== container && this.words[at] !== 0) {
      this.declarations.compositeTag(id);
      this.declarations.finish();
    } else return 0;
    this.forwarded[id] = 1;
    return 1;
  }

  private emitComposite(id: number, at: number, vlen: number, container: number): number {
    const { words, states } = this;
    const named = words[at] !== 0;
    if (container !== 0 && named) {
      if (this.forwarded[id] === 0) {
        this.declarations.compositeTag(id);
        this.declarations.finish();
        this.forwarded[id] = 1;
      }
      return 1;
    }
    states[id] = EMITTING;
    this.bounds.enter(id);
    const settled = this.emitEach(at + 4, vlen, 3, named ? id : container);
    this.bounds.leave();
    if (container !== 0) {
      states[id] = NOT_EMITTED;
      return settled;
    }
    this.declarations.composite(id, 0);
    this.declarations.finish();
    states[id] = EMITTED;
    return 1;
  }

  private emitTypedef(id: number, target: number): number {
    this.states[id] = EMITTING;
    this.bounds.enter(id);
    this.emit(target, id);
    this.bounds.leave();
    if (this.forwarded[id] === 0 && !this.declarations.isNamed(id, VA_LIST)) {
      this.declarations.typedef(id);
      this.declarations.finish();
    }
    this.states[id] = EMITTED;
    return 1;
  }

  private emitPrototype(id: number, at: number, vlen: number, container: number): number {
    this.bounds.enter(id);
    const settled = this.emit(this.words[at + 2]!, container) & this.emitEach(at + 4, vlen, 2, container);
    this.bounds.leave();
    return settled;
  }

  /** What must stand before a definition for each of `count` types, the ids of which are `step` words apart. */
  private emitEach(at: number, count: number, step: number, container: number): number {
    const { words, settled } = this;
    let all = 1;
    for (const end = at + count * step; at < end; at += step) {
      const type = words[at]!;
      if (settled[type] === 1) continue;
      const one = this.emit(type, container);
      settled[type] = one;
      all &= one;
    }
    return all;
  }

  private emitAlias(id: number): void {
    if (this.declarations.countBaseType(id) !== 1) return;
    for (const [name, type] of ALIASES) {
      if (!this.declarations.isNamed(id, name)) continue;
      this.out.text(`typedef ${type} ${this.btf.name(id)}`);
      this.declarations.finish();
      return;
    }
  }

  /** Declarations of the functions that are tagged as callable from BPF, by name. */
  private kernelFunctions(): void {
    const out = this.out;
    out.text("\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n");
    const kfuncs: number[] = [];
    const fastcalls = new Set<number>();
    for (let id = 1; id < this.btf.count; id++) {
      const at = this.index[id]!;
      if (((this.words[at + 1]! >>> 24) & 0x1f) !== BtfKind.DECL_TAG) continue;
      if (this.words[at + 3] !== 0xffff_ffff) continue;
      const target = this.words[at + 2]!;
      if (this.btf.kind(target) !== BtfKind.FUNC) continue;
      const tag = this.btf.name(id);
      if (tag === "bpf_kfunc") kfuncs.push(target);
      else if (tag === "bpf_fastcall") fastcalls.add(target);
    }
    const names = new Map(kfuncs.map((id) => [id, this.btf.name(id)]));
    kfuncs.sort((left, right) => compareText(names.get(left)!, names.get(right)!));
    for (const id of kfuncs) {
      const at = this.index[id]!;
      out.text(fastcalls.has(id) ? "extern __bpf_fastcall " : "extern ");
      this.declarations.declare(this.words[at + 2]!, at, 1, 0);
      out.text(" __weak __ksym;\n");
    }
    out.text("#endif\n\n");
  }
}

function allTypes(count: number): Uint32Array {
  const ids = new Uint32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
