import type { CliIo } from "./io.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";
import type { Words } from "./words.ts";

/** What a command is called with. */
export interface Invocation {
  readonly io: CliIo;
  /** The words after the command's name (and its verb). */
  readonly words: Words;
  readonly options: ParsedOptions;
  /** `-j` or `-p`: write JSON. */
  readonly json: boolean;
  /** `-p`: in lines. */
  readonly pretty: boolean;
}

/** Does one thing and gives the exit status. Throws CommandError and other TsbpfErrors for what goes wrong. */
export type CommandFunction = (invocation: Invocation) => Promise<number>;

/** `tsbpf NOUN VERB …` */
export interface Verb {
  readonly name: string;
  /** What follows, one entry a form: `["MAP"]`; the forms of one command share its name. Empty: nothing follows. */
  readonly forms: readonly string[];
  /** Another name of the verb before it: shown in braces with it. */
  readonly alias?: true;
  /** bpftool's, not in this version. */
  readonly later?: true;
}

/** What a module of commands exports: one function, or one for each verb. */
export type CommandModule =
  | { readonly run: CommandFunction }
  | { readonly verbs: Readonly<Record<string, CommandFunction>> };

/** One noun of the command line. Help, completion and dispatch derive from these. */
export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** bpftool's nouns may be shortened to any prefix, in their order; ours only to a unique one. */
  readonly bpftool?: true;
  /** Not in this version at all. */
  readonly later?: true;
  /** What follows the name, one entry a form, of commands without verbs. */
  readonly forms?: readonly string[];
  readonly verbs?: readonly Verb[];
  /** Definitions of the capital words: `["MAP", "{ id MAP_ID | pinned FILE | name MAP_NAME }"]`. */
  readonly terms?: readonly (readonly [name: string, meaning: string])[];
  /** Names of global options that mean something here, besides `-j`, `-p` and `-d`. */
  readonly globals?: readonly string[];
  readonly options?: readonly OptionSpec[];
  /** The exit status of usage errors and other failures; 255, as bpftool's, where it is absent. */
  readonly failure?: number;
  /** A few sentences and examples, shown below the usage. */
  readonly notes?: readonly string[];
}
