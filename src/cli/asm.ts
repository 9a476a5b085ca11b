import { type AsmDialect, assemble, parseClassic } from "../asm/index.ts";
import { hexOf, SourceText, textOf } from "../base/index.ts";
import { encode, encodeClassic } from "../isa/index.ts";
import type { CommandFunction } from "./command.ts";
import { CommandError } from "./failure.ts";
import { helperOf } from "./helper-names.ts";
import { readInput } from "./input.ts";

/** Bytes of an instruction, of a classic one too. */
const LINE = 8;

/** `tsbpf asm [FILE | -] [--dialect DIALECT] [-o OUT | --hex]` */
export const run: CommandFunction = async ({ io, words, options, json, pretty }) => {
  const path = words.count === 0 ? "-" : words.take();
  words.end();
  const { bytes, name } = await readInput(io, path);
  const code = assembled(textOf(bytes), name, options.value("dialect") ?? "pseudoc");
  const output = options.value("output");
  const hex = options.has("hex");
  if (json) {
    if (output !== undefined) throw new CommandError("--output is not compatible with JSON output");
    const { jsonText } = await import("../asm/index.ts");
    io.stdout.write(jsonText({ insns: hexLines(code) }, { pretty }));
    return 0;
  }
  if (!hex && output === undefined && io.stdout.isTerminal) {
    throw new CommandError("instructions are not text: give --hex, or a file with -o");
  }
  const written = hex
    ? new TextEncoder().encode(
        hexLines(code)
          .map((line) => `${line}\n`)
          .join(""),
      )
    : code;
  if (output === undefined || output === "-") io.stdout.write(written);
  else await io.writeFile(output, written);
  return 0;
};

function assembled(text: string, name: string, dialect: string): Uint8Array {
  if (dialect === "classic") return encodeClassic(parseClassic(new SourceText(text, name)));
  const { insns } = assemble(text, { dialect: dialect as AsmDialect, name, helperId: helperOf });
  return encode(insns);
}

/** One instruction a line. */
function hexLines(code: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < code.length; at += LINE) {
    lines.push(hexOf(code.subarray(at, at + LINE)).replaceAll(/(..)(?=.)/g, "$1 "));
  }
  return lines;
}
