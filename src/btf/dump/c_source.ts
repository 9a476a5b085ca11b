import { utf8 } from "../../base/index.ts";
import { BtfKind } from "../kinds.ts";
import { Btf } from "../model.ts";
import { WalkBounds } from "./bounds.ts";
import { Declarations } from "./c_declare.ts";
import { C_FORMATS } from "./c_formats.ts";
import { DefinitionOrder } from "./c_order.ts";
import { sortForC } from "./c_sort.ts";
import { type ByteSink, LineWriter } from "./line_format.ts";
import { PRACTICE_PAYS, practiceBtf } from "./practice.ts";

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
  if (btf.count > PRACTICE_PAYS && options.roots === undefined) {
    const practice = Btf.parse(practiceBtf());
    for (let round = 0; round < 12; round++) {
      new CSource(practice, round % 3 === 0 ? () => {} : (chunk) => chunk, {
        sorted: false,
        bpftool: round % 2 === 0 ? "7.1" : "7.8",
      }).write();
    }
  }
  new CSource(btf, sink, options).write();
}

class CSource {
  readonly #btf: Btf;
  readonly #options: CDumpOptions;
  readonly #words: Uint32Array;
  readonly #index: Uint32Array;
  readonly #out: LineWriter;
  readonly #bounds: WalkBounds;
  readonly #order: DefinitionOrder;
  readonly #declarations: Declarations;
  readonly #states: Uint8Array;
  readonly #forwarded: Uint8Array;

  constructor(btf: Btf, sink: ByteSink, options: CDumpOptions) {
    const tables = btf.tables();
    this.#btf = btf;
    this.#options = options;
    this.#words = tables.words;
    this.#index = tables.index;
    this.#out = new LineWriter(tables.words, tables.strings, C_FORMATS, "", sink);
    this.#bounds = new WalkBounds(btf, tables.words.length);
    this.#order = new DefinitionOrder(btf, tables, this.#bounds);
    this.#declarations = new Declarations(
      btf,
      tables,
      this.#out,
      this.#bounds,
      options.bpftool === "7.1"
        ? { enumModes: false, attributes: false }
        : { enumModes: true, attributes: true },
    );
    this.#states = new Uint8Array(btf.count);
    this.#states[0] = EMITTED;
    this.#forwarded = new Uint8Array(btf.count);
  }

  write(): void {
    const { roots, sorted, bpftool } = this.#options;
    const current = bpftool !== "7.1";
    try {
      this.#out.text(PREAMBLE);
      if (current) this.#out.text(PREAMBLE_KFUNCS);
      if (roots !== undefined) {
        for (const id of roots) {
          if (!this.#btf.has(id))
            throw this.#btf.error(0, `expected a type id below ${this.#btf.count}, got ${id}`);
          this.define(id);
        }
      } else {
        const ids = sorted === false ? null : sortForC(this.#btf);
        // The first of the sorted list is left to those that refer to it: bpftool starts from 1 in both lists.
        for (let i = 1; i < this.#btf.count; i++) this.define(ids === null ? i : ids[i]!);
        if (current) this.kernelFunctions();
      }
      this.#out.text(POSTAMBLE);
    } finally {
      this.#out.finish();
    }
  }

  /** Writes the definition of a type and of all it needs and that is not written yet. */
  private define(id: number): void {
    const count = this.#order.definitionsFor(id);
    for (let i = 0; i < count; i++) this.emit(this.#order.queue[i]!, 0);
  }

  /** `container` is the struct or typedef in whose definition the type is met; 0 to define the type itself. */
  private emit(id: number, container: number): void {
    const words = this.#words;
    for (;;) {
      const state = this.#states[id]!;
      if (state === EMITTED) return;
      const at = this.#index[id]!;
      const info = words[at + 1]!;
      const kind = (info >>> 24) & 0x1f;
      if (state === EMITTING) {
        this.emitAgain(id, at, kind, container);
        return;
      }
      this.#bounds.step(id);
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
          this.emitComposite(id, at, info & 0xffff, container);
          return;
        case BtfKind.TYPEDEF:
          this.emitTypedef(id, words[at + 2]!);
          return;
        case BtfKind.FUNC_PROTO:
          this.emitPrototype(id, at, info & 0xffff, container);
          return;
        case BtfKind.INT:
          this.emitAlias(id);
          this.#states[id] = EMITTED;
          return;
        case BtfKind.ENUM:
        case BtfKind.ENUM64:
          if (container === 0) {
            this.#declarations.enumeration(id, 0);
            this.#declarations.finish();
          }
          this.#states[id] = EMITTED;
          return;
        case BtfKind.FWD:
          this.#declarations.forward(id);
          this.#declarations.finish();
          this.#states[id] = EMITTED;
          return;
        default:
          return;
      }
    }
  }

  /** A type that is met inside its own definition: a forward declaration serves. */
  private emitAgain(id: number, at: number, kind: number, container: number): void {
    if (this.#forwarded[id] === 1) return;
    if (kind === BtfKind.TYPEDEF) {
      if (!this.#declarations.isNamed(id, VA_LIST)) {
        this.#declarations.typedef(id);
        this.#declarations.finish();
      }
      this.#forwarded[id] = 1;
    } else if (id !== container && this.#words[at] !== 0) {
      this.#declarations.compositeTag(id);
      this.#declarations.finish();
      this.#forwarded[id] = 1;
    }
  }

  private emitComposite(id: number, at: number, vlen: number, container: number): void {
    const words = this.#words;
    const named = words[at] !== 0;
    this.#states[id] = EMITTING;
    if (container === 0 || !named) {
      const inner = named ? id : container;
      this.#bounds.enter(id);
      for (let member = at + 4, end = at + 4 + vlen * 3; member < end; member += 3) {
        this.emit(words[member]!, inner);
      }
      this.#bounds.leave();
    } else if (this.#forwarded[id] === 0 && id !== container) {
      this.#declarations.compositeTag(id);
      this.#declarations.finish();
      this.#forwarded[id] = 1;
    }
    if (container === 0) {
      this.#declarations.composite(id, 0);
      this.#declarations.finish();
      this.#states[id] = EMITTED;
    } else {
      this.#states[id] = NOT_EMITTED;
    }
  }

  private emitTypedef(id: number, target: number): void {
    this.#states[id] = EMITTING;
    this.#bounds.enter(id);
    this.emit(target, id);
    this.#bounds.leave();
    if (this.#forwarded[id] === 0 && !this.#declarations.isNamed(id, VA_LIST)) {
      this.#declarations.typedef(id);
      this.#declarations.finish();
    }
    this.#states[id] = EMITTED;
  }

  private emitPrototype(id: number, at: number, vlen: number, container: number): void {
    const words = this.#words;
    this.#bounds.enter(id);
    this.emit(words[at + 2]!, container);
    for (let param = at + 4, end = at + 4 + vlen * 2; param < end; param += 2) {
      this.emit(words[param]!, container);
    }
    this.#bounds.leave();
  }

  private emitAlias(id: number): void {
    if (this.#declarations.countBaseType(id) !== 1) return;
    for (const [name, type] of ALIASES) {
      if (!this.#declarations.isNamed(id, name)) continue;
      this.#out.text(`typedef ${type} ${this.#btf.name(id)}`);
      this.#declarations.finish();
      return;
    }
  }

  /** Declarations of the functions that are tagged as callable from BPF, by name. */
  private kernelFunctions(): void {
    const out = this.#out;
    out.text("\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n");
    const kfuncs: number[] = [];
    const fastcalls = new Set<number>();
    for (let id = 1; id < this.#btf.count; id++) {
      const at = this.#index[id]!;
      if (((this.#words[at + 1]! >>> 24) & 0x1f) !== BtfKind.DECL_TAG) continue;
      if (this.#words[at + 3] !== 0xffff_ffff) continue;
      const target = this.#words[at + 2]!;
      if (this.#btf.kind(target) !== BtfKind.FUNC) continue;
      const tag = this.#btf.name(id);
      if (tag === "bpf_kfunc") kfuncs.push(target);
      else if (tag === "bpf_fastcall") fastcalls.add(target);
    }
    const names = new Map(kfuncs.map((id) => [id, this.#btf.name(id)]));
    kfuncs.sort((left, right) => compareText(names.get(left)!, names.get(right)!));
    for (const id of kfuncs) {
      const at = this.#index[id]!;
      out.text(fastcalls.has(id) ? "extern __bpf_fastcall " : "extern ");
      this.#declarations.declare(this.#words[at + 2]!, at, 1, 0);
      out.text(" __weak __ksym;\n");
    }
    out.text("#endif\n\n");
  }
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
