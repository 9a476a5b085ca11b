import { messageOf, TsbpfError } from "../base/index.ts";
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
  const inputs: { readonly name: string; readonly bytes: Uint8Array }[] = [];
  for (const name of words.rest()) {
    try {
      inputs.push({ name, bytes: await io.readFile(name) });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      throw new CommandError(`failed to link '${name}': ${error.reason} (${error.errno})`, { cause: error });
    }
  }
  let linked: Uint8Array;
  try {
    linked = link(inputs);
  } catch (error) {
    if (!(error instanceof TsbpfError)) throw error;
    throw new CommandError(`failed to link: ${messageOf(error)}`, { cause: error });
  }
  await io.writeFile(output, linked);
  return finished(invocation);
}

/** `tsbpf gen min_core_btf INPUT OUTPUT OBJECT [OBJECT...]` */
async function minimizeBtf(invocation: Invocation): Promise<number> {
  const { io, words } = invocation;
  words.need(3);
  const [input, output] = [words.take(), words.take()];
  const { readBtfFile } = await import("./btf-file.ts");
  const { MinimalBtf } = await import("./minimal-btf.ts");
  const minimal = new MinimalBtf(await readBtfFile(io, input));
  for (const path of words.rest()) {
    try {
      minimal.record(await io.readFile(path), path);
    } catch (error) {
      if (!(error instanceof TsbpfError) || error instanceof CommandError) throw error;
      const message = error instanceof FileError ? error.reason : messageOf(error);
      throw new CommandError(`error recording relocations for ${path}: ${message}`, { cause: error });
    }
  }
  await io.writeFile(output, minimal.finish());
  return finished(invocation);
}

/** In JSON, an empty answer. */
function finished({ io, json }: Invocation): number {
  if (json) io.stdout.write("null\n");
  return 0;
}
