interface Koffi {
  load(name: string | null): {
    func(name: string, result: string, args: string[]): (...args: unknown[]) => unknown;
  };
  view(pointer: bigint, length: number): ArrayBuffer;
  errno(): number;
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const FAILED = 0xffff_ffff_ffff_ffffn;

/** Memory that is mapped until it is closed; nothing of it may be looked at afterwards. */
export interface LiveMapping {
  readonly bytes: Uint8Array;
  close(): void;
}

/** mmap(2) of the running kernel. */
export async function liveMapping(): Promise<
  (fd: number, offset: number, length: number, access: { readonly write: boolean }) => LiveMapping | number
> {
  const koffi = ((await import("koffi")) as unknown as { default: Koffi }).default;
  const libc = koffi.load(null);
  const mmap = libc.func("mmap", "uintptr_t", ["uintptr_t", "size_t", "int", "int", "int", "long"]);
  const munmap = libc.func("munmap", "int", ["uintptr_t", "size_t"]);
  return (fd, offset, length, { write }) => {
    const protection = write ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = BigInt(mmap(0, length, protection, MAP_SHARED, fd, offset) as number | bigint);
    if (address === FAILED) return -koffi.errno();
    return {
      bytes: new Uint8Array(koffi.view(address, length)),
      close: () => void munmap(address, length),
    };
  };
}
