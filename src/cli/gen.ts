import { messageOf, TsbpfError } from "../base/index.ts";
import type { LinkInput } from "../object/index.ts";
import type { CommandFunction, Invocation } from "./command.ts";
import { CommandError, FileError } from "./failure.ts";

/** `tsbpf gen …` */
export const verbs: Readonly<Record<string, CommandFunction>> = {
  object: linkObjects,
  min_core_btf: minimizeBtf,
};

/** `tsbpf gen object OUTPUT_FILE INPUT_FILE [INPUT_FILE...]` */
async function linkObjects(invocation: Invocation): Promise<number> {
  const { io, words } = invocation;
  words.need(2);
  const output = words.take();
  const { link } = await import("../object/index.ts");
  const inputs = await inputsOf(invocation, "failed to link");
  const linked = attemptTo("failed to link", () => link(inputs));
  await io.writeFile(output, linked);
  return finished(invocation);
}

/** `tsbpf gen min_core_btf INPUT OUTPUT OBJECT [OBJECT...]` */
async function minimizeBtf(invocation: Invocation): Promise<number> {
  const { io, words } = invocation;
  words.need(3);
  const [input, output] = [words.take(), words.take()];
  const { readBtfFile } = await import("./btf-file.ts");
  const { minCoreBtf } = await import("../object/index.ts");
  const kernel = await readBtfFile(io, input);
  const objects = await inputsOf(invocation, "error recording relocations for");
  const minimal = attemptTo("error recording relocations", () => minCoreBtf(kernel, objects));
  await io.writeFile(output, minimal);
  return finished(invocation);
}

/** The files that the remaining words name; `what` is said of one that cannot be read. */
async function inputsOf({ io, words }: Invocation, what: string): Promise<readonly LinkInput[]> {
  const inputs: LinkInput[] = [];
  for (const name of words.rest()) {
    try {
      inputs.push({ name, bytes: await io.readFile(name) });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      throw new CommandError(`${what} '${name}': ${error.reason} (${error.errno})`, { cause: error });
    }
  }
  return inputs;
}

function attemptTo<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    throw new CommandError(`${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** In JSON, an empty answer. */
function finished({ io, json }: Invocation): number {
  if (json) io.stdout.write("null\n");
  return 0;
}
