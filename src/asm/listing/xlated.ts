import { type Endian, TextWriter } from "../../base/index.ts";
import { encode, INSN_SIZE, type Insn, lookup, slotsOf, WideKind } from "../../isa/index.ts";
import { hexByte, signedText } from "../print-names.ts";
import {
  type DisasmContext,
  type SourceContext,
  type SourceJson,
  sourceJson,
  sourceText,
} from "./context.ts";
import { disasm } from "./disasm.ts";

/** Names for a program that a kernel gave back, where calls are offsets from `__bpf_call_base`. */
export interface XlatedContext extends Pick<DisasmContext, "helperName">, SourceContext {
  /** The symbol of the subprogram that a call's immediate numbers (`bpf_prog_20ed70870287aa11_slot`); absent: the program is not compiled, or has no such symbols. */
  readonly subprogName?: (index: number) => string | undefined;
  /** The symbol at an offset from `__bpf_call_base`: `__htab_map_lookup_elem`. */
  readonly symbolName?: (offset: number) => string | undefined;
  /** Displacement of a local call, where it is not in `off`: in a program that no kernel has seen it is in `imm`. */
  readonly callDisplacement?: (insn: Insn) => number;
}

export interface XlatedOptions {
  /** Print the bytes of each instruction below it. */
  readonly opcodes?: boolean;
  /** Print file, line and column behind each source line. */
  readonly linum?: boolean;
  /** Order of the bytes; little by default. */
  readonly endian?: Endian;
}

/** The listing of `bpftool prog dump xlated` (version 7.8). */
export function xlatedText(
  insns: readonly Insn[],
  context: XlatedContext = {},
  options: XlatedOptions = {},
): string {
  const out = new TextWriter(insns.length * 64 + 64);
  const bytes = options.opcodes === true ? encode(insns, endianOf(options)) : undefined;
  const disasmContext = xlatedDisasm(context);
  for (let slot = 0; slot < insns.length; ) {
    const prototype = context.prototype?.(slot);
    if (prototype !== undefined && prototype !== "") out.text(`${prototype}:\n`);
    const source = context.source?.(slot);
    if (source !== undefined) out.text(sourceText(source, options.linum === true));
    const width = slotsAt(insns, slot);
    // The space flag of C's "% 4d": a number of four digits still has a blank before it.
    out
      .text(` ${slot}`.padStart(4))
      .text(": ")
      .text(disasm(insns, slot, disasmContext))
      .text("\n");
    if (bytes !== undefined) {
      out.text("       ");
      for (let at = slot * INSN_SIZE; at < (slot + width) * INSN_SIZE; at++) {
        if (at > slot * INSN_SIZE) out.char(32);
        out.text(hexByte(bytes[at]!));
      }
      out.text("\n");
    }
    slot += width;
  }
  return out.toString();
}

/** One instruction in the JSON of `bpftool -j prog dump xlated`, fields in their order. */
export interface XlatedJsonEntry extends SourceJson {
  readonly proto?: string;
  readonly disasm: string;
  readonly opcodes?: {
    readonly code: string;
    readonly src_reg: string;
    readonly dst_reg: string;
    readonly off: readonly string[];
    readonly imm: readonly string[];
  };
}

/** What bpftool's JSON says about a program: print it with `jsonText`. */
export function xlatedJson(
  insns: readonly Insn[],
  context: XlatedContext = {},
  options: XlatedOptions = {},
): XlatedJsonEntry[] {
  const bytes = options.opcodes === true ? encode(insns, endianOf(options)) : undefined;
  const disasmContext = xlatedDisasm(context);
  const entries: XlatedJsonEntry[] = [];
  for (let slot = 0; slot < insns.length; ) {
    const prototype = context.prototype?.(slot);
    const source = context.source?.(slot);
    const width = slotsAt(insns, slot);
    const { opcode, src, dst } = insns[slot]!;
    const at = slot * INSN_SIZE;
    entries.push({
      ...(prototype !== undefined && prototype !== "" ? { proto: prototype } : {}),
      ...sourceJson(source, options.linum === true),
      disasm: disasm(insns, slot, disasmContext),
      ...(bytes === undefined
        ? {}
        : {
            opcodes: {
              code: `0x${hexByte(opcode)}`,
              src_reg: `0x${src.toString(16)}`,
              dst_reg: `0x${dst.toString(16)}`,
              off: Array.from(bytes.subarray(at + 2, at + 4), byteText),
              // Of a wide load also the whole second slot.
              imm: Array.from(bytes.subarray(at + 4, at + INSN_SIZE * width), byteText),
            },
          }),
    });
    slot += width;
  }
  return entries;
}

/** The names of a program from a kernel, in the form that `disasm` takes: for printers of other layouts, such as graphs. */
export function xlatedDisasm(context: XlatedContext): DisasmContext {
  return {
    ...(context.helperName === undefined ? {} : { helperName: context.helperName }),
    callName(insn) {
      if (lookup(insn)?.name !== "call_local") return context.symbolName?.(insn.imm);
      const displacement = signedText(context.callDisplacement?.(insn) ?? insn.off);
      const name = context.subprogName?.(insn.imm);
      return name === undefined ? displacement : `${displacement}#${name}`;
    },
    immText: (insn, next) => pseudoText(insn, next),
  };
}

/** bpftool's words for what the immediate of a wide load means. */
function pseudoText(insn: Insn, next: Insn | undefined): string | undefined {
  switch (insn.src) {
    case WideKind.mapFd:
      return `map[id:${insn.imm}]`;
    case WideKind.mapValue:
      return `map[id:${insn.imm}][0]+${next?.imm ?? 0}`;
    case WideKind.mapIdxValue:
      return `map[idx:${insn.imm}]+${next?.imm ?? 0}`;
    case WideKind.func:
      return `subprog[${signedText(insn.imm)}]`;
    default:
      return undefined;
  }
}

function slotsAt(insns: readonly Insn[], slot: number): number {
  return slot + 1 < insns.length ? slotsOf(insns[slot]!) : 1;
}

function endianOf(options: XlatedOptions): { endian?: Endian } {
  return options.endian === undefined ? {} : { endian: options.endian };
}

function byteText(byte: number): string {
  return `0x${hexByte(byte)}`;
}
