import { utf8 } from "../../base/index.ts";
import type { Btf } from "../model.ts";
import type { ByteSink } from "./byte-sink.ts";
import { type DumpExports, instantiateDump } from "./dump-code.ts";
import { Failure, PROBLEMS } from "./dump-failure.ts";

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

const KFUNCS = "\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n";
const KFUNCS_END = "#endif\n\n";

/**
 * Writes types as a C header that compiles, as `bpftool btf dump … format c` does.
 * Throws FormatError for types that C cannot define, after what was written before them.
 */
export function dumpC(btf: Btf, sink: ByteSink, options: CDumpOptions = {}): void {
  new CSource(btf, sink, options).write();
}

class CSource {
  private readonly btf: Btf;
  private readonly sink: ByteSink;
  private readonly options: CDumpOptions;
  private readonly exports: DumpExports;
  private readonly steps: number;

  constructor(btf: Btf, sink: ByteSink, options: CDumpOptions) {
    const current = options.bpftool !== "7.1";
    this.btf = btf;
    this.sink = sink;
    this.options = options;
    const { exports, plan } = instantiateDump(btf, { enumModes: current, attributes: current }, sink);
    this.exports = exports;
    this.steps = plan.steps;
  }

  write(): void {
    const { exports } = this;
    const { roots, sorted, bpftool } = this.options;
    const current = bpftool !== "7.1";
    this.sink(utf8(current ? PREAMBLE + PREAMBLE_KFUNCS : PREAMBLE));
    try {
      let problem: unknown;
      let length: number;
      try {
        this.walk(() => {
          if (roots !== undefined) this.orderRoots(roots);
          else if (sorted === false) exports.add_from(1);
          else exports.add_sorted();
        });
        length = exports.queue_length.value as number;
      } catch (error) {
        problem = error;
        length = exports.queue_start.value as number;
      }
      // What comes before a type that cannot be defined is written.
      this.walk(() => exports.define_queue(length));
      if (problem !== undefined) throw problem;
      if (current && roots === undefined) this.kernelFunctions();
    } finally {
      exports.finish();
    }
    this.sink(utf8(POSTAMBLE));
  }

  /** Lets emitted code walk over types; FormatError where it gives up. */
  private walk(work: () => void): void {
    const { exports, btf } = this;
    exports.steps.value = this.steps;
    exports.depth.value = 0;
    try {
      work();
    } catch (error) {
      const failure = exports.failure.value as number;
      if (failure === Failure.NONE) throw error;
      throw btf.error(exports.failed_type.value as number, PROBLEMS[failure]!);
    }
  }

  private orderRoots(roots: readonly number[]): void {
    for (const id of roots) {
      if (!this.btf.has(id)) {
        throw this.btf.error(0, `expected a type id below ${this.btf.count}, got ${id}`);
      }
      this.exports.add(id);
    }
  }

  /** Declarations of the functions that are tagged as callable from BPF, by name. */
  private kernelFunctions(): void {
    const { btf, exports } = this;
    const kfuncs: number[] = [];
    const fastcalls = new Set<number>();
    for (let id = exports.next_tag(1); id < btf.count; id = exports.next_tag(id + 1)) {
      const tag = btf.name(id);
      if (tag === "bpf_kfunc") kfuncs.push(btf.ref(id));
      else if (tag === "bpf_fastcall") fastcalls.add(btf.ref(id));
    }
    const names = new Map(kfuncs.map((id) => [id, btf.name(id)]));
    kfuncs.sort((left, right) => compareText(names.get(left)!, names.get(right)!));
    exports.finish();
    this.sink(utf8(KFUNCS));
    this.walk(() => {
      for (const id of kfuncs) exports.kernel_function(id, fastcalls.has(id) ? 1 : 0);
    });
    exports.finish();
    this.sink(utf8(KFUNCS_END));
  }
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
