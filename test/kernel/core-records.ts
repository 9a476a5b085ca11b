import { ByteWriter } from "../../src/base/index.ts";
import type { Btf } from "../../src/btf/index.ts";
import type { ProgramSpec } from "../../src/object/index.ts";

/** Offset in bytes, type, access string, kind. */
export type CoreRecord = [offset: number, type: number, access: number, kind: number];

/** A program's CO-RE relocations as PROG_LOAD takes them (`struct bpf_core_relo`), each changed as told. */
export function coreRecords(
  program: ProgramSpec,
  btf: Btf,
  change: (record: CoreRecord) => readonly number[] = (record) => record,
): Uint8Array {
  return words(
    program.coreRelocations.flatMap(({ slot, typeId, access, kind }) => [
      ...change([slot * 8, typeId, stringOffset(btf, access), kind]),
    ]),
  );
}

/** `struct bpf_func_info` records. */
export function funcRecords({ funcInfo }: ProgramSpec): Uint8Array {
  return words(funcInfo.flatMap(({ slot, typeId }) => [slot, typeId]));
}

function stringOffset(btf: Btf, text: string): number {
  const at = Buffer.from(btf.tables().strings).indexOf(`\0${text}\0`);
  if (at < 0) throw new Error(`no string '${text}'`);
  return at + 1;
}

function words(values: readonly number[]): Uint8Array {
  const out = new ByteWriter({ capacity: values.length * 4 });
  for (const value of values) out.u32(value);
  return out.finish();
}
