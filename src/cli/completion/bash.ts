import { GLOBAL_OPTIONS } from "../global-options.ts";
import { optionWords, vocabulary } from "./vocabulary.ts";

/** A script for bash: `source <(tsbpf completion bash)`. It needs no other package of completions. */
export function bashCompletion(): string {
  const commands = vocabulary();
  const cases: string[] = [];
  for (const { command, words, keywords, options } of commands) {
    cases.push(`    ${command.name}:) words='${words.join(" ")}' ;;`);
    for (const [verb, list] of keywords)
      cases.push(`    ${command.name}:${verb}) words='${list.join(" ")}' ;;`);
    cases.push(`    ${command.name}:--) words='${options.flatMap(optionWords).join(" ")}' ;;`);
    for (const option of command.options ?? []) {
      if (option.choices === undefined) continue;
      for (const word of optionWords(option)) {
        cases.push(`    ${command.name}:${word}) words='${option.choices.join(" ")}' ;;`);
      }
    }
  }
  const globals = GLOBAL_OPTIONS.filter((option) => option.help !== undefined);
  const withArgument = [...new Set(commands.flatMap(({ options }) => options))]
    .filter((option) => option.argument !== undefined)
    .flatMap(optionWords);
  return `# Completion of tsbpf for bash. Made by 'tsbpf completion bash'.
_tsbpf_words() {
  local words=''
  case "$1" in
    :) words='${commands.map(({ command }) => command.name).join(" ")}' ;;
    :--) words='${globals.flatMap(optionWords).join(" ")}' ;;
    --kernel) words='embedded linux' ;;
${cases.join("\n")}
  esac
  printf '%s' "$words"
}

_tsbpf() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  local noun='' verb='' at word words
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    case "$word" in
      ${[...new Set(withArgument)].join("|")}) ((at++)) ;;
      -*) ;;
      *) if [[ -z $noun ]]; then noun=$word; elif [[ -z $verb ]]; then verb=$word; fi ;;
    esac
  done
  COMPREPLY=()
  if [[ $previous == --kernel ]]; then
    words=$(_tsbpf_words --kernel)
  elif [[ $previous == -* && -n $(_tsbpf_words "$noun:$previous") && $previous != -- ]]; then
    words=$(_tsbpf_words "$noun:$previous")
  elif [[ $current == -* ]]; then
    words=$(_tsbpf_words "$noun:--")
  elif [[ -z $noun ]]; then
    words=$(_tsbpf_words :)
  elif [[ -z $verb ]]; then
    words=$(_tsbpf_words "$noun:")
  else
    words=$(_tsbpf_words "$noun:$verb")
  fi
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
  # A file may stand wherever a word may.
  if [[ -n $noun && $current != -* ]]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
  fi
}
complete -o filenames -F _tsbpf tsbpf
`;
}
