import { NotSupported } from "../../base/index.ts";

/** Arguments as koffi takes them: numbers, 64-bit ones as bigint too, buffers by their address. */
export type CFunction = (...args: readonly unknown[]) => number;

/** What the port uses of koffi: functions of the C library, and views of memory that it does not own. */
export interface Libc {
  /** A function of the C library by its C types. */
  func(name: string, result: string, args: readonly string[]): CFunction;
  /** The address of a buffer of ours, or of what a function of type `void *` gave. */
  address(memory: object): bigint;
  /** `length` bytes at what a function of type `void *` gave, without a copy. They must not be touched when they are unmapped. */
  view(pointer: object, length: number): Uint8Array;
  /** errno of the last call of this thread. */
  errno(): number;
}

interface Koffi {
  load(name: string | null): { func(name: string, result: string, args: readonly string[]): CFunction };
  address(memory: object): bigint | number;
  view(pointer: object, length: number): ArrayBuffer;
  errno(): number;
}

/** @throws NotSupported where there is no Linux, or nothing that calls C. */
export async function openLibc(): Promise<Libc> {
  if (process.platform !== "linux") {
    throw new NotSupported("the live Linux kernel", {
      why: `this is ${process.platform}: use --kernel embedded`,
    });
  }
  const koffi = await importKoffi();
  const library = koffi.load(null);
  return {
    func: (name, result, args) => library.func(name, result, args),
    address: (memory) => BigInt(koffi.address(memory)),
    view: (pointer, length) => new Uint8Array(koffi.view(pointer, length)),
    errno: () => koffi.errno(),
  };
}

async function importKoffi(): Promise<Koffi> {
  try {
    const module = (await import("koffi")) as unknown as { default: Koffi };
    return module.default;
  } catch (cause) {
    throw new NotSupported("the live Linux kernel", {
      why: "the optional package koffi, which calls it, cannot be loaded: npm install koffi, or use --kernel embedded",
      cause,
    });
  }
}
