import { isElf } from "./btf-file.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, FileError, UsageError } from "./failure.ts";
import { hexText } from "./input.ts";
import type { CliIo } from "./io.ts";
import type { RunInput } from "./run-input.ts";

/** The most that a test run repeats: its field has 32 bits. */
const MAX_REPEAT = 0xffff_ffff;

/** `tsbpf run OBJECT [--prog NAME] [--pcap FILE | --data INPUT | --ctx INPUT] [--repeat N]` */
export const run: CommandFunction = async (invocation) => {
  const { io, words, options } = invocation;
  if (words.count === 0) throw new UsageError("expected an object file");
  const path = words.take();
  words.end();
  const bytes = await io.readFile(path);
  const input = await inputOf(invocation);
  if (!isElf(bytes) && options.has("engine"))
    throw new CommandError("--engine: a classic filter is run by a machine of its own");
  if (!isElf(bytes))
    return await (await import("./run-classic.ts")).runClassicFile(invocation, path, bytes, input);
  return await (await import("./run-object.ts")).runObject(invocation, path, input);
};

async function inputOf({ io, options }: Invocation): Promise<RunInput> {
  const pcap = options.value("pcap");
  const [data, ctx] = [options.value("data"), options.value("ctx")];
  if (pcap !== undefined && (data !== undefined || ctx !== undefined)) {
    throw new CommandError("'--pcap' is not compatible with '--data' and '--ctx'");
  }
  return {
    pcap,
    data: data === undefined ? undefined : await bytesOf(io, data, "--data"),
    ctx: ctx === undefined ? undefined : await bytesOf(io, ctx, "--ctx"),
    repeat: repeatOf(options.value("repeat")),
  };
}

function repeatOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const value = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_REPEAT) {
    throw new CommandError(`--repeat: expected a number from 1 to ${MAX_REPEAT}, got '${text}'`);
  }
  return value;
}

/** A file, or hexadecimal digits where there is no such file. */
async function bytesOf(io: CliIo, text: string, option: string): Promise<Uint8Array> {
  if (text === "-") return await io.readStdin();
  try {
    return await io.readFile(text);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const bytes = hexText(text);
    if (bytes !== null && bytes.length > 0) return bytes;
    if (error.code === "ENOENT") {
      throw new CommandError(`${option}: ${text} is neither a file nor hexadecimal bytes`, { cause: error });
    }
    throw error;
  }
}
