import { assemble } from "../../src/asm/index.ts";
import type { KernelProcess } from "../../src/kernel/index.ts";
import { programTypeNamed } from "../../src/platform/index.ts";
import { Errno, type ProgLoadArguments } from "../../src/sys/index.ts";
import { BpfFuncId, BpfMapType } from "../../src/uapi/index.ts";

/** A program in the kernel's own syntax; helpers by name (`bpf_map_lookup_elem`). */
export function loadText(
  sys: KernelProcess,
  type: string,
  text: string,
  more: Partial<ProgLoadArguments> = {},
): number {
  const ids: Readonly<Record<string, number>> = BpfFuncId;
  const { insns } = assemble(text, { helperId: (name) => ids[name.replace(/^bpf_/, "")] });
  return sys.progLoad({ progType: programTypeNamed(type)!.type, insns, license: "GPL", ...more }).fd;
}

/** A hash of four 4-byte keys and 8-byte values, unless told otherwise. */
export function createHash(sys: KernelProcess, more: Record<string, number> = {}): number {
  return sys.mapCreate({ mapType: BpfMapType.HASH, keySize: 4, valueSize: 8, maxEntries: 4, ...more });
}

/** The errno's name that a call is refused with; "granted" where it is not. */
export function refusal(act: () => unknown): string {
  try {
    act();
    return "granted";
  } catch (error) {
    if (error instanceof Errno) return error.code;
    throw error;
  }
}

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

/** What every packet program can be run on. */
export const FRAME = new Uint8Array(64).fill(1, 0, 12);
