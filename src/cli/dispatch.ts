import { messageOf, NotSupported, TsbpfError } from "../base/index.ts";
import type { Command, CommandFunction, Invocation } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { CommandError, FAILED, OutputClosed } from "./failure.ts";
import { GLOBAL_OPTIONS } from "./global-options.ts";
import type { CliIo } from "./io.ts";
import { moduleOf } from "./modules.ts";
import { firstWord, type OptionSpec, type ParsedOptions, parseOptions } from "./options.ts";
import { printable } from "./printable.ts";
import { isPrefix, Words } from "./words.ts";

/** The exit status of a program that wrote to a closed pipe: 128 and the number of SIGPIPE. */
const CLOSED = 141;
/** The exit status of what ended by a bug of ours. */
const INTERNAL = 70;

/**
 * Runs one command line, without the name of the program, and gives its exit status.
 *
 * Nothing is thrown: what goes wrong is written as bpftool writes it, `Error: …` on standard error, or as JSON on
 * standard output with -j. A bug of ours is one line that says how to see more.
 */
export async function runCommandLine(argv: readonly string[], io: CliIo): Promise<number> {
  // What is known so far, for messages of what fails before all of it is.
  const line: { json: boolean; pretty: boolean; command: Command | undefined } = {
    json: false,
    pretty: false,
    command: undefined,
  };
  let status: number;
  try {
    status = await run(argv, io, line);
  } catch (error) {
    status = await report(error, io, line);
  }
  try {
    await io.stdout.drain();
    await io.stderr.drain();
  } catch (error) {
    if (error instanceof OutputClosed) return CLOSED;
    // What standard output does not take it does not take as JSON either.
    status = await report(error, io, { ...line, json: false });
  }
  return status;
}

async function run(
  argv: readonly string[],
  io: CliIo,
  line: { json: boolean; pretty: boolean; command: Command | undefined },
): Promise<number> {
  note(argv, line);
  line.command = ownerOf(argv);
  const globals = parseOptions(argv, optionsOf(line.command), { stopAtWord: true });
  const [word, ...rest] = globals.words;
  if (globals.has("version")) return await call("version", new Words([], "version"), globals, io);
  if (word === undefined || globals.has("help"))
    return await call("help", new Words(globals.words, ""), globals, io);
  const command = commandOf(word);
  line.command = command;
  if (command.later === true) throw later(command.name);
  const options = globals.with(parseOptions(rest, optionsOf(command)));
  if (options.has("version")) return await call("version", new Words([], "version"), options, io);
  if (options.has("help")) return await call("help", new Words([command.name], "help"), options, io);
  return await dispatch(command, options, io);
}

/** All options that may stand with a command. */
function optionsOf(command: Command | undefined): readonly OptionSpec[] {
  return [...(command?.options ?? []), ...GLOBAL_OPTIONS];
}

/** The command whose own options stand in front of it; undefined where none do. */
function ownerOf(argv: readonly string[]): Command | undefined {
  if (firstWord(argv, GLOBAL_OPTIONS) !== null) return undefined;
  return COMMANDS.find((command) => {
    const word = firstWord(argv, optionsOf(command)) ?? null;
    if (word === null) return false;
    const found = findCommand(word);
    return "command" in found && found.command === command;
  });
}

/** `-j` and `-p` decide how every error is written, also that of a word before them. */
function note(argv: readonly string[], line: { json: boolean; pretty: boolean }): void {
  for (const word of argv) {
    if (word === "--") return;
    const short = /^-[a-zA-Z]+$/.test(word) ? word : "";
    if (word === "--pretty" || /p/.test(short)) line.pretty = true;
    if (word === "--json" || /j/.test(short)) line.json = true;
  }
  line.json ||= line.pretty;
}

async function call(name: string, words: Words, options: ParsedOptions, io: CliIo): Promise<number> {
  const module = await moduleOf(name);
  if (!("run" in module)) throw new Error(`${name} has verbs`);
  return await module.run(invocation(words, options, io));
}

function invocation(words: Words, options: ParsedOptions, io: CliIo): Invocation {
  const pretty = options.has("pretty");
  return { io, words, options, json: pretty || options.has("json"), pretty };
}

function commandOf(word: string): Command {
  const found = findCommand(word);
  if ("command" in found) return found.command;
  if ("ambiguous" in found) {
    throw new CommandError(`ambiguous prefix: '${word}' could be '${found.ambiguous.join("' or '")}'`);
  }
  throw new CommandError(`there is no command '${word}'`, { usage: true });
}

async function dispatch(command: Command, options: ParsedOptions, io: CliIo): Promise<number> {
  const words = new Words(options.words, command.name);
  if (command.verbs === undefined) {
    const module = await moduleOf(command.name);
    if (!("run" in module)) throw new Error(`${command.name} has verbs`);
    return await module.run(invocation(words, options, io));
  }
  const word = words.count === 0 ? undefined : words.take();
  const verb =
    word === undefined
      ? command.verbs[0]
      : (command.verbs.find((each) => each.name === word) ??
        command.verbs.find((each) => isPrefix(word, each.name)));
  if (verb === undefined) {
    if (word !== undefined && isPrefix(word, "help")) {
      return await call("help", new Words([command.name], "help"), options, io);
    }
    throw new CommandError(`there is no command '${command.name} ${word}'`, { usage: true });
  }
  if (verb.later === true) throw later(`${command.name} ${verb.name}`);
  const module = await moduleOf(command.name);
  const verbFunction: CommandFunction | undefined = "verbs" in module ? module.verbs[verb.name] : undefined;
  if (verbFunction === undefined) throw new Error(`${command.name} ${verb.name} has no function`);
  return await verbFunction(invocation(new Words(words.rest(), verb.name), options, io));
}

function later(what: string): NotSupported {
  return new NotSupported(`'${what}'`, { why: "it is not in this version of tsbpf" });
}

async function report(
  error: unknown,
  io: CliIo,
  line: { readonly json: boolean; readonly pretty: boolean; readonly command: Command | undefined },
): Promise<number> {
  if (error instanceof OutputClosed) return CLOSED;
  const expected = error instanceof TsbpfError;
  let message = messageOf(error);
  if (!expected) {
    message = `${message} (a bug of tsbpf: run it again with TSBPF_DEBUG=1 to see where, and report it)`;
  }
  try {
    if (message !== "") await printError(message, io, line);
    if (error instanceof CommandError && error.usage && !line.json) {
      const { shortUsage, usageOf } = await import("./usage.ts");
      io.stderr.write(line.command === undefined ? shortUsage() : usageOf(line.command));
    }
    if (io.env["TSBPF_DEBUG"] !== undefined && error instanceof Error) io.stderr.write(`${traceOf(error)}\n`);
  } catch (second) {
    // The place for messages is gone too: the status is all that can be said.
    if (second instanceof OutputClosed) return CLOSED;
  }
  const failed = line.command?.failure ?? FAILED;
  if (error instanceof CommandError) return error.status === FAILED ? failed : error.status;
  return expected ? failed : INTERNAL;
}

async function printError(
  message: string,
  io: CliIo,
  line: { readonly json: boolean; readonly pretty: boolean },
): Promise<void> {
  if (!line.json) {
    // What was written before belongs before the error on a terminal that shows both.
    await io.stdout.drain().catch(() => {});
    io.stderr.write(`Error: ${printable(message)}\n`);
    return;
  }
  const { JsonWriter } = await import("../btf/index.ts");
  const json = new JsonWriter({ pretty: line.pretty });
  json.startObject().field("error", message).endObject();
  io.stdout.write(`${json.out.toString()}\n`);
}

/** The stack, and those of the errors underneath. */
function traceOf(error: Error): string {
  const parts: string[] = [];
  for (let each: unknown = error; each instanceof Error && parts.length < 8; each = each.cause) {
    parts.push(each.stack ?? each.message);
  }
  return parts.join("\ncaused by ");
}
