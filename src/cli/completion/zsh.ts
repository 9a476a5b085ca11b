import type { OptionSpec } from "../options.ts";
import { optionWords, vocabulary } from "./vocabulary.ts";

/** A script for zsh, for a file `_tsbpf` in a folder of `$fpath`, or `source <(tsbpf completion zsh)`. */
export function zshCompletion(): string {
  const commands = vocabulary();
  const nouns = commands.map(({ command }) => `      ${quoted(`${command.name}:${command.summary}`)}`);
  const cases = commands.map(({ command, words, keywords, options }) => {
    const verbs = [...keywords].map(
      ([verb, list]) =>
        `        ${verb}) _alternative ${quoted(`words:keyword:(${list.join(" ")})`)} 'files:file:_files' ;;`,
    );
    const first = `_alternative ${quoted(`words:word:(${words.join(" ")})`)} 'files:file:_files'`;
    const optionLines = options.map((option) => `      ${specOf(option)}`);
    return `    ${command.name})
      options=(
${optionLines.join("\n").replace(/^/gm, "  ")}
      )
      if [[ $PREFIX == -* ]]; then _describe -o 'option' options
      elif (( CURRENT == at + 1 )); then ${first}
      else case "$words[at+1]" in
${[...verbs, "        *) _files ;;"].join("\n")}
      esac; fi ;;`;
  });
  return `#compdef tsbpf
# Completion of tsbpf for zsh. Made by 'tsbpf completion zsh'.
_tsbpf() {
  local -a options nouns
  local at=2
  while [[ $words[at] == -* && $at -lt $CURRENT ]]; do (( at++ )); done
  if (( CURRENT == at )); then
    nouns=(
${nouns.join("\n")}
    )
    _describe 'command' nouns
    return
  fi
  case "$words[at]" in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _tsbpf ]]; then _tsbpf "$@"; else compdef _tsbpf tsbpf; fi
`;
}

function specOf(option: OptionSpec): string {
  const help = option.help ?? "";
  return optionWords(option)
    .map((word) => quoted(`${word}:${help}`))
    .join(" ");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
