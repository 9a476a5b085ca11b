import type { OptionSpec } from "../options.ts";
import { vocabulary } from "./vocabulary.ts";

/** A script for fish: `tsbpf completion fish | source`. */
export function fishCompletion(): string {
  const lines = ["# Completion of tsbpf for fish. Made by 'tsbpf completion fish'."];
  for (const { command, words, keywords, options } of vocabulary()) {
    lines.push(
      `complete -c tsbpf -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.summary)}`,
    );
    const seen = `__fish_seen_subcommand_from ${command.name}`;
    if (words.length > 0) {
      const first =
        keywords.size > 0 ? `${seen}; and not __fish_seen_subcommand_from ${words.join(" ")}` : seen;
      const noFiles = keywords.size > 0 ? " -f" : "";
      lines.push(`complete -c tsbpf -n ${quoted(first)}${noFiles} -a ${quoted(words.join(" "))}`);
    }
    for (const [verb, list] of keywords) {
      if (list.length === 0) continue;
      const behind = `${seen}; and __fish_seen_subcommand_from ${verb}`;
      lines.push(`complete -c tsbpf -n ${quoted(behind)} -a ${quoted(list.join(" "))}`);
    }
    for (const option of options) lines.push(`complete -c tsbpf -n ${quoted(seen)} ${specOf(option)}`);
  }
  return `${lines.join("\n")}\n`;
}

function specOf(option: OptionSpec): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  const argument = option.argument === undefined ? "" : " -r";
  const choices = option.choices === undefined ? "" : ` -f -a ${quoted(option.choices.join(" "))}`;
  return `-l ${option.name}${short}${argument}${choices} -d ${quoted(option.help ?? "")}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
