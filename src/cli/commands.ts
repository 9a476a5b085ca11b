import type { Command, Verb } from "./command.ts";

const MAP = ["MAP", "{ id MAP_ID | pinned FILE | name MAP_NAME }"] as const;
const PROG = ["PROG", "{ id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }"] as const;

function later(...names: readonly string[]): Verb[] {
  return names.map((name) => ({ name, forms: [], later: true }));
}

/** A noun of bpftool's that is not in this version. */
function laterNoun(name: string, summary: string): Command {
  return { name, summary, bpftool: true, later: true };
}

/** All commands: bpftool's in its order, for that decides what a prefix means, then ours. */
export const COMMANDS: readonly Command[] = [
  {
    name: "help",
    summary: "Show how a command is used, or what a helper or kfunc does",
    bpftool: true,
    forms: ["[COMMAND]", "helper [NAME]", "kfunc [NAME]"],
  },
  laterNoun("batch", "Run several commands"),
  {
    name: "prog",
    summary: "Look at programs",
    bpftool: true,
    verbs: [
      ...later("show", "list"),
      {
        name: "dump",
        forms: [
          "xlated file OBJECT [name PROG_NAME] [opcodes] [linum] [visual] [--svg FILE]",
          "xlated PROG [opcodes] [linum] [visual] [--svg FILE]",
          "jited file OBJECT [name PROG_NAME] [opcodes] [linum]",
          "{ xlated | jited } PROG [opcodes] [linum] file FILE",
        ],
      },
      ...later("pin", "load", "loadall", "attach", "detach", "tracelog", "run", "profile"),
    ],
    terms: [
      PROG,
      ["OBJECT", "FILE of a compiler: its programs are loaded into an embedded kernel and shown"],
    ],
    options: [{ name: "svg", argument: "FILE", help: "draw the graph of 'visual' into FILE" }],
    globals: ["kernel", "btf"],
  },
  {
    name: "map",
    summary: "Look at maps",
    bpftool: true,
    verbs: [
      ...later("show", "list"),
      { name: "dump", forms: ["file OBJECT [name MAP_NAME]", "MAP"] },
      ...later("update", "lookup", "getnext", "delete", "pin", "event_pipe", "create", "peek", "push"),
      ...later("enqueue", "pop", "dequeue", "freeze"),
    ],
    terms: [MAP, ["OBJECT", "FILE of a compiler: its maps are shown as they are when freshly loaded"]],
    globals: ["kernel", "btf"],
  },
  laterNoun("link", "Look at links"),
  laterNoun("cgroup", "Programs of control groups"),
  laterNoun("perf", "Programs of perf events"),
  laterNoun("net", "Programs of network devices"),
  laterNoun("feature", "What a kernel offers"),
  {
    name: "btf",
    summary: "Look at types",
    bpftool: true,
    verbs: [
      { name: "show", forms: ["[id BTF_ID]"] },
      { name: "list", forms: ["[id BTF_ID]"], alias: true },
      { name: "dump", forms: ["BTF_SRC [format FORMAT] [root_id ROOT_ID]"] },
    ],
    terms: [
      [
        "BTF_SRC",
        "{ id BTF_ID | prog PROG | map MAP [{key | value | kv | all}] |\n             file FILE [file FILE]... }",
      ],
      ["FORMAT ", "{ raw | c [unsorted] }"],
      MAP,
      PROG,
    ],
    options: [
      {
        name: "bpftool",
        argument: "VERSION",
        choices: ["7.8", "7.1"],
        help: "whose C: 7.8 (the default), or 7.1 (Debian 12)",
      },
    ],
    globals: ["kernel", "base-btf"],
  },
  {
    name: "gen",
    summary: "Make files out of objects",
    bpftool: true,
    verbs: [
      { name: "object", forms: ["OUTPUT_FILE INPUT_FILE [INPUT_FILE...]"] },
      ...later("skeleton", "subskeleton"),
      { name: "min_core_btf", forms: ["INPUT OUTPUT OBJECT [OBJECT...]"] },
    ],
  },
  laterNoun("struct_ops", "Look at struct_ops maps"),
  laterNoun("iter", "Iterators"),
  laterNoun("token", "Tokens"),
  {
    name: "version",
    summary: "Show the version",
    bpftool: true,
    forms: [""],
  },
  {
    name: "run",
    summary: "Run a program on packets or other input",
    forms: [
      "OBJECT [--prog NAME] [--pcap FILE | --data INPUT | --ctx INPUT] [--repeat N]",
      "FILTER --pcap FILE",
    ],
    terms: [
      ["OBJECT", "FILE of a compiler"],
      ["FILTER", "FILE with a classic filter, as tcpdump -d, -dd or -ddd print it"],
      ["INPUT", "{ FILE | HEX }"],
    ],
    options: [
      { name: "prog", argument: "NAME", help: "which program, where there are several" },
      { name: "pcap", argument: "FILE", help: "packets: a pcap or pcapng file, - for standard input" },
      { name: "data", argument: "INPUT", help: "one packet" },
      { name: "ctx", argument: "INPUT", help: "the context" },
      { name: "repeat", argument: "N", help: "how often each input is run" },
      {
        name: "engine",
        argument: "ENGINE",
        choices: ["interp", "jit"],
        help: "jit unless told, or interp, which tests each access",
      },
      { name: "quiet", short: "q", help: "no progress" },
    ],
    globals: ["kernel", "btf"],
  },
  {
    name: "verify",
    summary: "Verify programs and explain why one is refused",
    forms: [
      "OBJECT… [--prog NAME] [--stats] [--log-level N] [--sarif]",
      "OBJECT… [--kernel-version V] [--rights RIGHTS] …",
      "--log FILE [OBJECT] [--prog NAME] [--sarif]",
    ],
    terms: [["OBJECT", "{ FILE of a compiler | - }"]],
    options: [
      { name: "prog", argument: "NAME", help: "only this program" },
      { name: "stats", help: "what the verification cost, by source line" },
      {
        name: "log-level",
        argument: "N",
        choices: ["1", "2"],
        help: "show the kernel's log too: 1, or 2 with all paths",
      },
      { name: "log", argument: "FILE", help: "explain a log of any kernel's; - for standard input" },
      { name: "sarif", help: "write SARIF 2.1.0" },
      { name: "kernel-version", argument: "V", help: "for which Linux: 6.18 (the default) or 6.1" },
      {
        name: "rights",
        argument: "RIGHTS",
        help: "of whoever loads: all (the default), none, or cap_bpf,cap_net_admin …",
      },
      { name: "quiet", short: "q", help: "no progress" },
    ],
    globals: ["btf"],
    failure: 2,
    notes: [
      "Exit status: 0 all programs are accepted, 1 one is refused, 2 one could not be verified.",
      "The pages of docs/verifier explain each code; docs/verifier/json.md has the schema of -j.",
    ],
  },
  {
    name: "vm",
    summary: "Run bare instructions",
    forms: ["[MEMORY_HEX] [--engine ENGINE] [--program PROGRAM_HEX]"],
    options: [
      { name: "engine", argument: "ENGINE", choices: ["interp", "jit"], help: "interp unless told, or jit" },
      { name: "program", argument: "HEX", help: "the instructions; standard input has them otherwise" },
      { name: "elf", help: "the program is an object file, in hexadecimal too" },
    ],
    notes: [
      "Reads a program as hexadecimal bytes from standard input, runs it with r1 = the memory and r2 = its",
      "length, and prints r0 in hexadecimal: a plugin for bpf_conformance.",
    ],
  },
  {
    name: "asm",
    summary: "Text to instructions",
    forms: ["[FILE | -] [--dialect DIALECT] [-o OUT | --hex]"],
    options: [
      {
        name: "dialect",
        argument: "DIALECT",
        choices: ["pseudoc", "ubpf", "classic"],
        help: "pseudoc (the default), ubpf or classic",
      },
      {
        name: "output",
        short: "o",
        argument: "OUT",
        help: "where the bytes go; standard output unless told",
      },
      { name: "hex", short: "x", help: "write hexadecimal text" },
    ],
  },
  {
    name: "disasm",
    summary: "Instructions to text",
    forms: ["{ FILE | - | --hex HEX } [--dialect DIALECT | --style STYLE]"],
    terms: [["FILE", "{ an ELF object | raw instructions | hexadecimal text | a classic filter as text }"]],
    options: [
      {
        name: "dialect",
        argument: "DIALECT",
        choices: ["pseudoc", "ubpf", "classic"],
        help: "text that asm reads: pseudoc (the default), ubpf or classic",
      },
      {
        name: "style",
        argument: "STYLE",
        choices: ["xlated", "llvm", "verifier", "d", "dd", "ddd", "bpf_asm"],
        help: "a listing: xlated, llvm, verifier; of classic filters d, dd, ddd, bpf_asm",
      },
      { name: "hex", short: "x", argument: "HEX", help: "the bytes themselves, in hexadecimal" },
      { name: "labels", help: "name the targets of jumps" },
    ],
  },
  {
    name: "demo",
    summary: "See a program opened, shown and run on real packets",
    forms: [""],
  },
  {
    name: "completion",
    summary: "Print a completion script for a shell",
    forms: ["{ bash | zsh | fish }"],
    notes: ["bash: source <(tsbpf completion bash)", "fish: tsbpf completion fish | source"],
  },
  { name: "trace", summary: "Run a bpftrace script", later: true },
  { name: "kernel", summary: "Host an embedded kernel for other commands", later: true },
  { name: "record", summary: "Record live events", later: true },
  { name: "doctor", summary: "What this machine allows", later: true },
];

export type Found =
  | { readonly command: Command }
  | { readonly ambiguous: readonly string[] }
  | { readonly unknown: true };

/**
 * The command that a word stands for: its full name, else the first of bpftool's that begins with it, else the only
 * one of ours that does.
 */
export function findCommand(word: string): Found {
  const exact = COMMANDS.find((command) => command.name === word);
  if (exact !== undefined) return { command: exact };
  const matching = COMMANDS.filter((command) => command.name.startsWith(word));
  const first = matching[0];
  if (first === undefined || word === "") return { unknown: true };
  if (first.bpftool === true || matching.length === 1) return { command: first };
  return { ambiguous: matching.map((command) => command.name) };
}
