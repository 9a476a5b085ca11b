import type { SourceLine, XlatedContext } from "../asm/index.ts";
import type { Btf } from "../btf/index.ts";
import type { DotFunction, DotLine } from "../cfg/index.ts";
import { decode, type Insn, isWide } from "../isa/index.ts";
import type { ProgInfo } from "../sys/index.ts";
import { helperText } from "./helper-names.ts";
import type { Symbols } from "./kernel-symbols.ts";
import { prototypeText } from "./prototype.ts";

/** What a listing needs of `struct bpf_prog_info`. */
export type ListedProgram = Pick<
  ProgInfo,
  "xlatedProgInsns" | "funcInfo" | "funcInfoRecSize" | "lineInfo" | "lineInfoRecSize" | "jitedKsyms"
>;

export interface LineRecord extends SourceLine {
  readonly slot: number;
}

/** A program as a kernel gave it back, with the names and source lines that belong to its slots. */
export class XlatedProgram {
  readonly insns: readonly Insn[];
  readonly #functions: readonly { readonly slot: number; readonly prototype: string }[];
  readonly #lines: readonly LineRecord[];
  readonly #symbols: Symbols;
  readonly #subprograms: BigUint64Array;

  constructor(info: ListedProgram, btf: Btf | null, symbols: Symbols) {
    this.insns = decode(info.xlatedProgInsns);
    this.#symbols = symbols;
    this.#subprograms = info.jitedKsyms;
    this.#functions =
      btf === null
        ? []
        : records(info.funcInfo, info.funcInfoRecSize).map((view) => ({
            slot: view.getUint32(0, true),
            prototype: prototypeText(btf, view.getUint32(4, true)),
          }));
    this.#lines = btf === null ? [] : lineRecords(info, btf);
  }

  /** What `xlatedText` and `xlatedJson` ask. */
  context(): XlatedContext {
    const prototypes = new Map(this.#functions.map(({ slot, prototype }) => [slot, prototype]));
    const lines = this.#linesBySlot();
    return {
      prototype: (slot) => prototypes.get(slot),
      source: (slot) => lines.get(slot),
      // A distance that is the number of a helper is taken for it (`__func_get_name`): that of a tail call is one.
      helperName: helperText,
      symbolName: (offset) => this.#nameOf(this.#symbols.callBase + BigInt(offset)),
      ...(this.#subprograms.length === 0
        ? {}
        : { subprogName: (index: number) => this.#subprogramName(index) }),
    };
  }

  /** What a graph shows above the instructions, with places where they are asked for. */
  graphRecords(linum: boolean): {
    readonly functions: readonly DotFunction[];
    readonly lines: readonly DotLine[];
  } {
    return {
      functions: this.#functions.map(({ slot, prototype }) => ({ slot, signature: prototype })),
      lines: this.#lines.map(({ slot, text, file, line, column }) =>
        linum ? { slot, text, place: { file: shortPath(file ?? ""), line, column } } : { slot, text },
      ),
    };
  }

  #nameOf(address: bigint): string {
    return this.#symbols.nameOf(address) ?? `0x${BigInt.asUintN(64, address).toString(16)}`;
  }

  #subprogramName(index: number): string {
    const address = this.#subprograms[index >>> 0];
    return this.#nameOf(address ?? this.#symbols.callBase + BigInt(index));
  }

  /** Each instruction takes the next record not yet shown, if that begins at it or before: `bpf_prog_linfo__lfind`. */
  #linesBySlot(): Map<number, LineRecord> {
    const shown = new Map<number, LineRecord>();
    let skip = 0;
    for (let slot = 0; slot < this.insns.length && skip < this.#lines.length; slot++) {
      if (this.#lines[skip]!.slot <= slot) {
        let at = skip;
        while (at + 1 < this.#lines.length && this.#lines[at + 1]!.slot <= slot) at++;
        shown.set(slot, this.#lines[at]!);
        skip++;
      }
      if (isWide(this.insns[slot]!)) slot++;
    }
    return shown;
  }
}

/** The source lines of a program, in the order of its slots. */
export function lineRecords(
  { lineInfo, lineInfoRecSize }: Pick<ProgInfo, "lineInfo" | "lineInfoRecSize">,
  btf: Btf,
): LineRecord[] {
  return records(lineInfo, lineInfoRecSize).map((view) => lineOf(view, btf));
}

/** An array of records of one size. */
export function records(bytes: Uint8Array, size: number): DataView[] {
  const views: DataView[] = [];
  for (let at = 0; size > 0 && at + size <= bytes.length; at += size) {
    views.push(new DataView(bytes.buffer, bytes.byteOffset + at, size));
  }
  return views;
}

/** `struct bpf_line_info`: slot, file, line's text, line number << 10 | column. */
function lineOf(view: DataView, btf: Btf): LineRecord {
  const place = view.getUint32(12, true);
  return {
    slot: view.getUint32(0, true),
    file: btf.string(view.getUint32(4, true)),
    text: btf.string(view.getUint32(8, true)),
    line: place >>> 10,
    column: place & 0x3ff,
  };
}

const SHORT_PATH = 32;

/** Long paths lose their front in graphs, up to a slash (`shorten_path` of bpftool). */
function shortPath(path: string): string {
  if (path.length <= SHORT_PATH) return path;
  const near = path.indexOf("/", path.length - SHORT_PATH);
  if (near >= 0) return near < 3 ? path : `...${path.slice(near)}`;
  const last = path.lastIndexOf("/");
  return last < 0 ? path : last === 0 ? path : `...${path.slice(last)}`;
}
