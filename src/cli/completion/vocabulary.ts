import type { Command, Verb } from "../command.ts";
import { COMMANDS } from "../commands.ts";
import { GLOBAL_OPTIONS } from "../global-options.ts";
import type { OptionSpec } from "../options.ts";

/** What a shell may offer, taken from the table of commands. */
export interface Vocabulary {
  readonly command: Command;
  /** The words that may follow the command itself: verbs, or keywords. */
  readonly words: readonly string[];
  /** The keywords that may stand behind each verb. */
  readonly keywords: ReadonlyMap<string, readonly string[]>;
  readonly options: readonly OptionSpec[];
}

/** For each command of this version. */
export function vocabulary(): Vocabulary[] {
  return COMMANDS.filter((command) => command.later !== true).map((command) => {
    const verbs = (command.verbs ?? []).filter((verb) => verb.later !== true);
    const terms = (command.terms ?? []).map(([, meaning]) => meaning);
    const own = keywordsOf([...(command.forms ?? [])]);
    const words = command.verbs === undefined ? own : [...verbs.map((verb) => verb.name), "help"];
    return {
      command,
      words:
        command.name === "help"
          ? COMMANDS.filter((each) => each.later !== true).map((each) => each.name)
          : words,
      keywords: new Map(verbs.map((verb) => [verb.name, verbKeywords(verb, terms)])),
      options: [...(command.options ?? []), ...GLOBAL_OPTIONS].filter((option) => option.help !== undefined),
    };
  });
}

function verbKeywords(verb: Verb, terms: readonly string[]): string[] {
  return keywordsOf([...verb.forms, ...(verb.forms.some((form) => /[A-Z]/.test(form)) ? terms : [])]);
}

/** The literal words of a syntax: in small letters, no options, no sentences. */
function keywordsOf(syntax: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of syntax) {
    if (/[a-z]:|: /.test(text)) continue;
    const bare = text.replaceAll(/--?[a-z-]+/g, " ");
    for (const [word] of bare.matchAll(/(?<![\w-])[a-z][a-z0-9_]*(?![\w-])/g)) found.add(word);
  }
  return [...found];
}

/** How an option is written: `--kernel`, and `-j` where it has a letter. */
export function optionWords(option: OptionSpec): string[] {
  return option.short === undefined ? [`--${option.name}`] : [`--${option.name}`, `-${option.short}`];
}
