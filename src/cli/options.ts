import { NotSupported } from "../base/index.ts";
import { UsageError } from "./failure.ts";

/** An option of a command line. */
export interface OptionSpec {
  /** Long name, without dashes. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** What its argument is called: `"FILE"`; absent for a flag. */
  readonly argument?: string;
  /** The argument may be left out, and must then be attached: `--strace=bpf`. */
  readonly attached?: boolean;
  /** The words that the argument may be. */
  readonly choices?: readonly string[];
  /** One line for the help; options without it are not shown. */
  readonly help?: string;
  /** Known, but of a later version: why. */
  readonly later?: boolean;
}

/** What a command line says, options and words apart. */
export class ParsedOptions {
  readonly #values: ReadonlyMap<string, string>;
  /** The words that are no options. */
  readonly words: readonly string[];

  constructor(values: ReadonlyMap<string, string>, words: readonly string[]) {
    this.#values = values;
    this.words = words;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  value(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** Both, the later one's values before this one's. */
  with(later: ParsedOptions): ParsedOptions {
    return new ParsedOptions(new Map([...this.#values, ...later.#values]), later.words);
  }
}

/** How {@link parseOptions} goes through the words. */
export interface ParseMode {
  /** Leave everything from the first word on as it is. Otherwise options may stand between and behind words. */
  readonly stopAtWord?: boolean;
}

/**
 * Takes a command line apart as GNU `getopt_long` does: short options may be joined (`-jp`) and carry their argument
 * (`-BFILE`), long ones may be shortened where that is unique and take `=VALUE`; `--` ends options, `-` is a word.
 *
 * @throws UsageError for what is no option, NotSupported for one of a later version.
 */
export function parseOptions(
  argv: readonly string[],
  specs: readonly OptionSpec[],
  mode: ParseMode = {},
): ParsedOptions {
  const values = new Map<string, string>();
  const words: string[] = [];
  for (const item of itemsOf(argv, specs)) {
    if ("spec" in item) {
      store(values, item.spec, item.value, item.word);
    } else if (item.last || mode.stopAtWord === true) {
      words.push(...argv.slice(item.at));
      break;
    } else {
      words.push(argv[item.at]!);
    }
  }
  return new ParsedOptions(values, words);
}

/** The first word that is no option and no argument of one; null where an option is in front of it that `specs` have not. */
export function firstWord(argv: readonly string[], specs: readonly OptionSpec[]): string | null | undefined {
  try {
    for (const item of itemsOf(argv, specs)) if (!("spec" in item)) return argv[item.at];
    return undefined;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return null;
  }
}

/** An option with its argument, or a word: all behind it are words too where it is the `last`. */
type Item =
  | { readonly spec: OptionSpec; readonly value: string | undefined; readonly word: string }
  | { readonly at: number; readonly last: boolean };

/** @throws UsageError for what is no option. */
function* itemsOf(argv: readonly string[], specs: readonly OptionSpec[]): IterableIterator<Item> {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    if (word === "--") {
      if (at + 1 < argv.length) yield { at: at + 1, last: true };
      return;
    }
    if (!word.startsWith("-") || word === "-") {
      yield { at, last: false };
    } else if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = word.slice(2, equals < 0 ? undefined : equals);
      const spec = longOption(name, specs, word);
      let value = equals < 0 ? undefined : word.slice(equals + 1);
      if (spec.argument === undefined && value !== undefined) {
        throw new UsageError(`option '--${spec.name}' takes no argument`);
      }
      if (spec.argument !== undefined && value === undefined && spec.attached !== true) value = argv[++at];
      yield { spec, value, word };
    } else {
      for (let i = 1; i < word.length; i++) {
        const spec = specs.find((each) => each.short === word[i]);
        if (spec === undefined) throw new UsageError(`unrecognized option '${word}'`);
        if (spec.argument === undefined) {
          yield { spec, value: undefined, word };
          continue;
        }
        yield { spec, value: i + 1 < word.length ? word.slice(i + 1) : argv[++at], word: `-${word[i]}` };
        break;
      }
    }
  }
}

function longOption(name: string, specs: readonly OptionSpec[], word: string): OptionSpec {
  const exact = specs.find((spec) => spec.name === name);
  if (exact !== undefined) return exact;
  const matching = specs.filter((spec) => spec.name.startsWith(name));
  if (matching.length === 1) return matching[0]!;
  if (matching.length === 0) throw new UsageError(`unrecognized option '${word}'`);
  const names = matching.map((spec) => `'--${spec.name}'`).join(" or ");
  throw new UsageError(`ambiguous option '${word}' could be ${names}`);
}

function store(values: Map<string, string>, spec: OptionSpec, value: string | undefined, word: string): void {
  if (spec.later === true) {
    throw new NotSupported(`option --${spec.name}`, { why: "it is not in this version of tsbpf" });
  }
  if (spec.argument === undefined) {
    values.set(spec.name, "");
    return;
  }
  if (value === undefined && spec.attached !== true) {
    throw new UsageError(`option '${word}' needs an argument: ${spec.argument}`);
  }
  if (spec.choices !== undefined && value !== undefined && !spec.choices.includes(value)) {
    throw new UsageError(`option '${word}': expected ${spec.choices.join(" or ")}, got '${value}'`);
  }
  values.set(spec.name, value ?? "");
}
