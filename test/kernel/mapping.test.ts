import { describe, expect, it } from "vitest";
import { EmbeddedKernel, type KernelProcess } from "../../src/kernel/index.ts";
import type { Mapping } from "../../src/sys/index.ts";
import { BpfMapFlag, BpfMapType, Errno } from "../../src/uapi/index.ts";
import { refusal } from "./support.ts";

function array(kernel: KernelProcess, mapFlags: number): number {
  return kernel.mapCreate({ mapType: BpfMapType.ARRAY, keySize: 4, valueSize: 8, maxEntries: 3, mapFlags });
}

const key = (index: number) => new Uint8Array(Uint32Array.of(index).buffer);

describe("mappings of arrays", () => {
  it("share the values with programs and system calls", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = array(kernel, BpfMapFlag.MMAPABLE);
    const mapping = kernel.port.map(mapFd, 0, 24, { write: true }) as Mapping;
    expect(mapping.length).toBe(4096);
    mapping.store32(8, -7);
    expect(kernel.mapLookupElem({ mapFd, key: key(1) })).toEqual(
      new Uint8Array([249, 255, 255, 255, 0, 0, 0, 0]),
    );
    kernel.mapUpdateElem({ mapFd, key: key(2), value: new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]) });
    expect([...mapping.read(16, 10)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
    expect(mapping.load32(16)).toBe(0x0403_0201);
    expect(() => mapping.read(4090, 8)).toThrow(RangeError);
    expect(() => mapping.load32(2)).toThrow(RangeError);
    kernel.close(mapFd);
    expect(kernel.mapGetNextId({ startId: 0 })).not.toBeNull();
    mapping.close();
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
    expect(() => mapping.load32(0)).toThrow(RangeError);
  });

  it("are refused as by Linux", () => {
    const kernel = new EmbeddedKernel();
    const plain = array(kernel, 0);
    const frozen = array(kernel, BpfMapFlag.MMAPABLE);
    kernel.mapFreeze({ mapFd: frozen });
    const hash = kernel.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 3 });
    const map = (fd: number, length: number, write: boolean) => kernel.port.map(fd, 0, length, { write });
    expect(map(plain, 24, false)).toBe(-Errno.EINVAL);
    expect(map(frozen, 24, true)).toBe(-Errno.EPERM);
    expect(map(frozen, 4097, false)).toBe(-Errno.EINVAL);
    expect(map(hash, 24, false)).toBe(-524);
    expect(map(99, 24, false)).toBe(-Errno.EBADF);
    const readOnly = map(frozen, 24, false) as Mapping;
    expect(() => readOnly.store32(0, 1)).toThrow(RangeError);
    readOnly.close();
  });

  it("keep a map from being frozen while they are writable", () => {
    const kernel = new EmbeddedKernel();
    const mapFd = array(kernel, BpfMapFlag.MMAPABLE);
    const [reader, writer] = [false, true].map(
      (write) => kernel.port.map(mapFd, 0, 24, { write }) as Mapping,
    ) as [Mapping, Mapping];
    expect(refusal(() => kernel.mapFreeze({ mapFd }))).toBe("EBUSY");
    writer.close();
    writer.close();
    expect(refusal(() => kernel.mapFreeze({ mapFd }))).toBe("granted");
    expect(refusal(() => kernel.mapFreeze({ mapFd }))).toBe("EPERM");
    reader.close();
  });

  it("ask the descriptor for what they give", () => {
    const kernel = new EmbeddedKernel();
    array(kernel, BpfMapFlag.MMAPABLE);
    const id = kernel.mapGetNextId({ startId: 0 })!;
    const readOnly = kernel.mapGetFdById({ id, openFlags: BpfMapFlag.RDONLY });
    const writeOnly = kernel.mapGetFdById({ id, openFlags: BpfMapFlag.WRONLY });
    expect(kernel.port.map(readOnly, 0, 24, { write: true })).toBe(-Errno.EACCES);
    expect(kernel.port.map(writeOnly, 0, 24, { write: false })).toBe(-Errno.EACCES);
    (kernel.port.map(readOnly, 0, 24, { write: false }) as Mapping).close();
  });

  it("end with their process", () => {
    const kernel = new EmbeddedKernel();
    const process = kernel.process();
    const mapping = process.port.map(array(process, BpfMapFlag.MMAPABLE), 0, 24, { write: true }) as Mapping;
    process.exit();
    expect(kernel.mapGetNextId({ startId: 0 })).toBeNull();
    expect(() => mapping.load32(0)).toThrow(RangeError);
    mapping.close();
  });
});
