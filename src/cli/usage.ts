import type { Command, Verb } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { GLOBAL_OPTIONS } from "./global-options.ts";
import type { OptionSpec } from "./options.ts";

const HEAD = "Usage: ";
const INDENT = " ".repeat(HEAD.length);
const WIDTH = 80;

/** How tsbpf as a whole is used. */
export function usage(): string {
  const now = COMMANDS.filter((command) => command.later !== true);
  const nouns = now.filter((command) => command.verbs !== undefined);
  const others = now.filter((command) => command.verbs === undefined);
  const width = Math.max(...now.map((command) => command.name.length));
  const list = (commands: readonly Command[]) =>
    commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return lines(
    `${HEAD}tsbpf [OPTIONS] OBJECT { COMMAND | help }`,
    `${INDENT}tsbpf [OPTIONS] COMMAND [ARGUMENTS]`,
    "",
    "Objects:",
    ...list(nouns),
    "",
    "Commands:",
    ...list(others),
    "",
    "Options:",
    ...optionLines(GLOBAL_OPTIONS),
    "",
    ...wrapped("Not in this version: ", namesOf(COMMANDS.filter((command) => command.later === true))),
  );
}

/** The same in three lines, for below an error. */
export function shortUsage(): string {
  return lines(
    `${HEAD}tsbpf [OPTIONS] OBJECT { COMMAND | help }`,
    `${INDENT}tsbpf [OPTIONS] COMMAND [ARGUMENTS]`,
    "See 'tsbpf help' for what they are.",
  );
}

/** How one command is used. */
export function usageOf(command: Command): string {
  const forms = command.verbs === undefined ? plainForms(command) : verbForms(command);
  const parts: string[] = forms.map((form, at) => `${at === 0 ? HEAD : INDENT}tsbpf ${command.name}${form}`);
  const terms = command.terms ?? [];
  if (terms.length > 0) parts.push("");
  for (const [name, meaning] of terms) {
    parts.push(`${INDENT}${name} := ${meaning.replaceAll("\n", `\n${INDENT}`)}`);
  }
  parts.push("");
  const globals = GLOBAL_OPTIONS.filter(({ name }) => isShown(command, name));
  parts.push("Options:", ...optionLines([...(command.options ?? []), ...globals]));
  if (command.notes !== undefined) parts.push("", ...command.notes);
  const later = (command.verbs ?? []).filter((verb) => verb.later === true);
  if (later.length > 0) parts.push("", ...wrapped("Not in this version: ", namesOf(later)));
  return lines(...parts);
}

function isShown(command: Command, option: string): boolean {
  return (
    option === "json" ||
    option === "pretty" ||
    option === "debug" ||
    command.globals?.includes(option) === true
  );
}

function plainForms(command: Command): string[] {
  return (command.forms ?? [""]).map((form) => (form === "" ? "" : ` ${form}`));
}

function verbForms(command: Command): string[] {
  const verbs = (command.verbs ?? []).filter((verb) => verb.later !== true);
  const forms: string[] = [];
  verbs.forEach((verb, at) => {
    if (verb.alias === true) return;
    const aliases = aliasesOf(verbs, at);
    const name = aliases.length === 0 ? verb.name : `{ ${[verb.name, ...aliases].join(" | ")} }`;
    for (const form of verb.forms) forms.push(` ${name} ${form}`);
  });
  return [...forms, " help"];
}

function aliasesOf(verbs: readonly Verb[], at: number): string[] {
  const aliases: string[] = [];
  for (let next = at + 1; verbs[next]?.alias === true; next++) aliases.push(verbs[next]!.name);
  return aliases;
}

function optionLines(options: readonly OptionSpec[]): string[] {
  const rows = options
    .filter((option) => option.help !== undefined)
    .map((option) => {
      const short = option.short === undefined ? "    " : `-${option.short}, `;
      const argument = option.argument === undefined ? "" : ` ${option.argument}`;
      return [`${short}--${option.name}${argument}`, option.help!] as const;
    });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, help]) => `  ${left.padEnd(width)}  ${help}`);
}

function namesOf(things: readonly { readonly name: string }[]): string[] {
  return things.map(({ name }) => name);
}

/** A list of words in lines of at most 80 columns, below each other behind its head. */
function wrapped(head: string, words: readonly string[]): string[] {
  const result: string[] = [];
  let line = head;
  words.forEach((word, at) => {
    const piece = at + 1 < words.length ? `${word}, ` : word;
    if (line.length + piece.trimEnd().length > WIDTH && line.trim() !== "") {
      result.push(line.trimEnd());
      line = " ".repeat(head.length);
    }
    line += piece;
  });
  return [...result, line];
}

function lines(...parts: readonly string[]): string {
  return `${parts.join("\n")}\n`;
}
