import { createReadStream, type ReadStream, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { ByteSource } from "../cli/index.ts";
import { fileError } from "./file-error.ts";

/** Bytes read at once from a stream. */
const CHUNK = 1 << 18;
/** Bytes read at once from a file. */
const FILE_CHUNK = 1 << 20;
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

/** Reading does not hold up signals, and a pipe nobody writes to can be left. */
export async function openFile(path: string): Promise<ByteSource> {
  if (path === "-") return new StreamSource(process.stdin, "standard input", sizeOf(0));
  const size = sizeOf(path);
  return size === null ? await openStream(path) : await FileSource.open(path, size);
}

async function openStream(path: string): Promise<ByteSource> {
  const stream = createReadStream(path, { highWaterMark: CHUNK });
  try {
    await new Promise<void>((resolve, reject) => {
      stream.once("open", () => resolve());
      stream.once("error", reject);
    });
  } catch (error) {
    throw fileError(error, path);
  }
  return new StreamSource(stream, path, null);
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

/** Reads ahead while what was read before is worked on, into two buffers in turn: a stream has a new one for each read. */
class FileSource implements ByteSource {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #buffers: readonly [Uint8Array, Uint8Array];
  #turn = 0;
  #ahead: Promise<number> | null = null;

  private constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.size = size;
    // Files of /proc say that they are empty.
    const length = Math.min(FILE_CHUNK, Math.max(size + 1, CHUNK));
    this.#buffers = [new Uint8Array(length), new Uint8Array(length)];
  }

  static async open(path: string, size: number): Promise<FileSource> {
    try {
      return new FileSource(await open(path), path, size);
    } catch (error) {
      throw fileError(error, path);
    }
  }

  async read(): Promise<Uint8Array | null> {
    const count = await (this.#ahead ?? this.#fill());
    if (count === 0) return null;
    const bytes = this.#buffers[this.#turn & 1]!.subarray(0, count);
    this.#turn++;
    this.#ahead = this.#fill();
    // Nobody may ask for more.
    this.#ahead.catch(() => undefined);
    return bytes;
  }

  async close(): Promise<void> {
    await this.#ahead?.catch(() => undefined);
    await this.#file.close();
  }

  async #fill(): Promise<number> {
    try {
      const { bytesRead } = await this.#file.read(this.#buffers[this.#turn & 1]!);
      return bytesRead;
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }
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
