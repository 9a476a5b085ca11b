import { createReadStream, type ReadStream, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import type { ByteSource } from "../cli/index.ts";
import { fileError } from "./file-error.ts";

/** Bytes read at once from a stream. */
const CHUNK = 1 << 18;
const RETRY = 5;

/** The bytes of a Node Buffer as a plain array: code that meets both kinds is slower. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

export function readFile(path: string): Uint8Array {
  try {
    return plain(readFileSync(path));
  } catch (error) {
    throw fileError(error, path);
  }
}

export function writeFile(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path, bytes);
  } catch (error) {
    throw fileError(error, path);
  }
}

export function readStdin(): Uint8Array {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    try {
      const count = readSync(0, chunk, 0, CHUNK, null);
      if (count === 0) return plain(Buffer.concat(chunks));
      chunks.push(chunk.subarray(0, count));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return plain(Buffer.concat(chunks));
      if (code !== "EAGAIN") throw fileError(error, "standard input");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY);
    }
  }
}

/** Reads through Node's streams: reading does not hold up signals, and a pipe nobody writes to can be left. */
export async function openFile(path: string): Promise<ByteSource> {
  if (path === "-") return new StreamSource(process.stdin, "standard input", sizeOf(0));
  const stream = createReadStream(path, { highWaterMark: CHUNK });
  try {
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", reject);
    });
  } catch (error) {
    throw fileError(error, path);
  }
  return new StreamSource(stream, path, sizeOf(path));
}

function sizeOf(file: string | number): number | null {
  try {
    const stat = typeof file === "number" ? readStat(file) : statSync(file);
    return stat?.isFile() === true ? stat.size : null;
  } catch {
    return null;
  }
}

function readStat(fd: number) {
  return process.platform === "win32" ? undefined : statSync(`/dev/fd/${fd}`);
}

class StreamSource implements ByteSource {
  readonly size: number | null;
  readonly #stream: ReadStream | NodeJS.ReadStream;
  readonly #path: string;
  readonly #chunks: AsyncIterator<Buffer>;

  constructor(stream: ReadStream | NodeJS.ReadStream, path: string, size: number | null) {
    this.#stream = stream;
    this.#path = path;
    this.size = size;
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async read(): Promise<Uint8Array | null> {
    try {
      const { value, done } = await this.#chunks.next();
      return done === true ? null : plain(value);
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }
}
