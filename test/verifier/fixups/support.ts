import type { Insn } from "../../../src/isa/index.ts";
import { defaultLayout, programTypeNamed } from "../../../src/platform/index.ts";
import { type FixupMap, type FixupOptions, type FixupResult, fixup } from "../../../src/verifier/index.ts";

export const layout = defaultLayout();

/** Offsets of fields of `struct __sk_buff`. */
export const LEN = 0;
export const MARK = 8;

/** A map for tests; its addresses follow from its id. */
export function exampleMap(type: number, id: number, rest: Partial<FixupMap> = {}): FixupMap {
  const address = 0xffff_8000_0001_0000n + BigInt(id) * 0x1000n;
  return {
    type,
    id,
    keySize: 4,
    valueSize: 4,
    maxEntries: 1,
    flags: 0,
    address,
    valueAddress: address + 0x400n,
    ...rest,
  };
}

export interface FixedOptions extends Partial<Omit<FixupOptions, "layout">> {
  readonly type?: string;
  readonly attachType?: number;
  readonly maps?: ReadonlyMap<number, FixupMap>;
}

/** A program after fixups; for engines, and of type sched_cls, unless told otherwise. */
export function fixed(insns: readonly Insn[], options: FixedOptions = {}): FixupResult {
  const { type = "sched_cls", attachType = 0, maps = new Map(), target = "tsbpf", ...rest } = options;
  return fixup(
    { insns, type: programTypeNamed(type)!, expectedAttachType: attachType, maps },
    { target, layout, ...rest },
  );
}
