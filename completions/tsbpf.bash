# Completion of tsbpf for bash. Made by 'tsbpf completion bash'.
_tsbpf_words() {
  local words=''
  case "$1" in
    :) words='help prog map btf gen version run verify vm asm disasm demo completion' ;;
    :--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    --kernel) words='embedded linux' ;;
    help:) words='help prog map btf gen version run verify vm asm disasm demo completion' ;;
    help:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    prog:) words='dump help' ;;
    prog:dump) words='xlated file name opcodes linum visual jited id pinned tag' ;;
    prog:--) words='--svg --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    map:) words='dump help' ;;
    map:dump) words='file name id pinned' ;;
    map:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    btf:) words='show list dump help' ;;
    btf:show) words='id prog map key value kv all file raw c unsorted pinned name tag' ;;
    btf:list) words='id prog map key value kv all file raw c unsorted pinned name tag' ;;
    btf:dump) words='format root_id id prog map key value kv all file raw c unsorted pinned name tag' ;;
    btf:--) words='--bpftool --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    btf:--bpftool) words='7.8 7.1' ;;
    gen:) words='object min_core_btf help' ;;
    gen:object) words='' ;;
    gen:min_core_btf) words='' ;;
    gen:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    version:) words='' ;;
    version:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    run:) words='' ;;
    run:--) words='--prog --pcap --data --ctx --repeat --engine --quiet -q --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    run:--engine) words='interp jit' ;;
    verify:) words='' ;;
    verify:--) words='--prog --stats --log-level --log --sarif --kernel-version --rights --quiet -q --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    verify:--log-level) words='1 2' ;;
    vm:) words='' ;;
    vm:--) words='--engine --program --elf --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    vm:--engine) words='interp jit' ;;
    asm:) words='' ;;
    asm:--) words='--dialect --output -o --hex -x --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    asm:--dialect) words='pseudoc ubpf classic' ;;
    disasm:) words='' ;;
    disasm:--) words='--dialect --style --hex -x --labels --json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    disasm:--dialect) words='pseudoc ubpf classic' ;;
    disasm:--style) words='xlated llvm verifier d dd ddd bpf_asm' ;;
    demo:) words='' ;;
    demo:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
    completion:) words='bash zsh fish' ;;
    completion:--) words='--json -j --pretty -p --debug -d --help -h --version -V --kernel --btf --base-btf -B' ;;
  esac
  printf '%s' "$words"
}

_tsbpf() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  local noun='' verb='' at word words
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    case "$word" in
      --kernel|--btf|--base-btf|-B|--svg|--bpftool|--prog|--pcap|--data|--ctx|--repeat|--engine|--log-level|--log|--kernel-version|--rights|--program|--dialect|--output|-o|--style|--hex|-x) ((at++)) ;;
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
