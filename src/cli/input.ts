import { bytesOfHex, textOf } from "../base/index.ts";
import { CommandError } from "./failure.ts";
import type { CliIo } from "./io.ts";

/** The bytes of a file, or of standard input for `-`, and how messages name it. */
export async function readInput(
  io: CliIo,
  path: string,
): Promise<{ readonly bytes: Uint8Array; readonly name: string }> {
  if (path === "-") return { bytes: await io.readStdin(), name: "<stdin>" };
  return { bytes: await io.readFile(path), name: path };
}

/** Bytes written in hexadecimal, blanks and `0x` allowed. */
export function hexArgument(text: string, what: string): Uint8Array {
  const bytes = hexText(text);
  if (bytes === null)
    throw new CommandError(`${what}: expected pairs of hexadecimal digits, got '${shortened(text)}'`);
  return bytes;
}

/** Null where the text is anything but pairs of hexadecimal digits. */
export function hexText(text: string): Uint8Array | null {
  return bytesOfHex(text.trim().replaceAll(/(^|\s)0x/gi, "$1"));
}

/** The bytes that a file of hexadecimal text stands for; null where it is none. */
export function hexFile(bytes: Uint8Array): Uint8Array | null {
  for (const byte of bytes) {
    const isDigit = (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102);
    if (!isDigit && byte !== 32 && (byte < 9 || byte > 13) && byte !== 120) return null;
  }
  return hexText(textOf(bytes));
}

function shortened(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 37)}...` : line;
}
