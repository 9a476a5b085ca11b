import type { AsmDialect, ClassicStyle } from "../asm/index.ts";
import { isBtf, isElf } from "./btf-file.ts";
import { isDecimalFilter, isText } from "./classic-input.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { hexFile } from "./input.ts";

const CLASSIC_STYLES: readonly string[] = ["d", "dd", "ddd", "bpf_asm"] satisfies readonly ClassicStyle[];

/** How instructions are to be written. */
export interface Form {
  /** A listing: `"xlated"`, `"llvm"`, `"verifier"`, or a ClassicStyle. */
  readonly style: string | undefined;
  /** Text that `asm` reads: an AsmDialect, or `"classic"`. */
  readonly dialect: string | undefined;
  readonly labels: boolean;
}

export function formOf({ options }: Invocation): Form {
  const [style, dialect] = [options.value("style"), options.value("dialect")];
  const labels = options.has("labels");
  if (style !== undefined && dialect !== undefined) {
    throw new CommandError("'--style' is not compatible with '--dialect'");
  }
  if (labels && style !== undefined) throw new CommandError("'--labels' is not compatible with '--style'");
  return { style, dialect, labels };
}

/** What the bytes are, as far as it is known before they are read. */
export type CodeKind = "object" | "classic" | "instructions";

/**
 * Decides by the bytes; records of 8 bytes can be instructions of either machine, and are what the form is for.
 *
 * @throws CommandError for what has no instructions, or none that can be written so.
 */
export function kindOf(bytes: Uint8Array, form: Form, name: string): CodeKind {
  const wanted = machineOf(form);
  if (isElf(bytes)) {
    if (wanted === "classic") throw new CommandError(`${name}: is an ELF object, and no classic filter`);
    return "object";
  }
  if (isBtf(bytes)) {
    // Standard input and --hex have no name to type.
    const file = name.startsWith("<") ? "FILE" : name;
    throw new CommandError(`${name}: this is BTF, without instructions: see 'tsbpf btf dump file ${file}'`);
  }
  const isFilter = isDecimalFilter(bytes) || (isText(bytes) && hexFile(bytes) === null);
  return isFilter || wanted === "classic" ? "classic" : "instructions";
}

/** The machine whose instructions the form is for; undefined where it is not told. */
function machineOf({ style, dialect, labels }: Form): "classic" | "extended" | undefined {
  const word = style ?? dialect;
  if (word === undefined) return labels ? "extended" : undefined;
  return word === "classic" || CLASSIC_STYLES.includes(word) ? "classic" : "extended";
}

/** The style of a filter's text. `@throws` CommandError where the form is one of the other machine. */
export function classicStyleOf(form: Form, name: string): ClassicStyle {
  if (machineOf(form) === "extended") {
    throw new CommandError(
      `${name}: is a classic filter: '${optionOf(form)}' is not for these, but --style ${CLASSIC_STYLES.join(", ")}`,
    );
  }
  return (form.style ?? "d") as ClassicStyle;
}

function optionOf({ style, dialect }: Form): string {
  if (style !== undefined) return `--style ${style}`;
  return dialect === undefined ? "--labels" : `--dialect ${dialect}`;
}

/** The dialect of instructions that are not classic. */
export function dialectOf({ dialect }: Form): AsmDialect {
  return (dialect ?? "pseudoc") as AsmDialect;
}
